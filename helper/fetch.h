/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Sends token requests: libcurl's multi interface on an sd-event loop.
 *
 * A token service on the Internet is asked directly; one behind a Cloud Connector through
 * SAP's Connectivity proxy. Plain http goes to its HTTP side. https goes through its SOCKS5
 * side, whose authentication libcurl does not know: so libcurl dials the proxy
 * (CURLOPT_CONNECT_ONLY), which looks its name up in a thread and tries all addresses as
 * for any other host, tunnel.c speaks SOCKS5 on the socket, and a second handle is given
 * the socket as one that is connected already. The URL's host is looked up nowhere on this
 * side, and is what the certificate is checked against.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "token-request.h"

/* A token's reply is some 2 KiB; longer than this is no reply. */
#define FETCH_REPLY_MAX ((size_t)64 * 1024)
/* The same for a destination, its certificates and tokens. */
#define FETCH_DESTINATION_MAX ((size_t)256 * 1024)
/* Of either: headers, and trailers behind the body. */
#define FETCH_HEAD_MAX ((size_t)64 * 1024)

struct fetcher;

/* What a request needs beside itself. Everything owned, by whoever asks for the fetch. */
struct fetch_means {
	struct secret anchors; /* trusted beyond the system's: PEM; empty for none */
	struct secret certificate, key; /* the client's own: PEM; empty for none */
	/* Where the Connectivity proxy is, for the request's route, and a JWT for it. */
	char *proxy_host;
	uint16_t proxy_port;
	struct secret jwt;
	struct secret service_token; /* for a Destination service */
};

void fetch_means_done(struct fetch_means *m);
#define _cleanup_fetch_means_ _cleanup_(fetch_means_done)

/* How a fetch ended. Everything borrowed for the time of the call. */
struct fetch_reply {
	const struct token_request *request;
	const char *failure; /* why there is no reply, in words; NULL if there is one */
	bool was_sent;	     /* the token service may have got the request */
	bool jwt_refused;    /* a failure: the Connectivity proxy wants another JWT */
	/* a failure that another connection need not have: not a time-out */
	bool may_repeat;
	long http_status;
	uint64_t retry_after_usec; /* 0 if the reply did not say */
	uint64_t slept_usec; /* the machine did since the request: the reply is older */
	const char *body;
	size_t len;
};

/*
 * Called from the loop once for each fetch; `context` is what fetch_start() was given.
 * What was lent to fetch_start() may be freed within.
 */
typedef void (*fetch_done_fn)(
    void *userdata, void *context, const struct fetch_reply *reply);

/*
 * Prepares libcurl on a loop, which is referenced; once in a process. 0, -ENOMEM, or
 * sd-event's -errno.
 */
_must_check_ int fetcher_new(
    sd_event *event, fetch_done_fn done, void *userdata, struct fetcher **ret);
/* Ends every fetch without a word, wipes and frees; takes NULL; returns NULL. */
struct fetcher *fetcher_free(struct fetcher *f);

/*
 * Starts a request on a connection of its own. `request` and `means` are borrowed until
 * the fetch is done, or the fetcher freed. 0, or -ENOMEM.
 */
_must_check_ int fetch_start(struct fetcher *f, const struct token_request *request,
    const struct fetch_means *means, void *context);
