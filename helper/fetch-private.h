/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within fetch.c's job: one request under way, and the way through a SOCKS5 proxy before it. */

#include <curl/curl.h>

#include "curl-loop.h"
#include "fetch-options.h"
#include "fetch.h"
#include "tunnel.h"

/* One request under way, in its fetcher's list. */
struct fetch {
	struct fetcher *fetcher;
	struct fetch *previous, *next;
	CURL *easy; /* the transfer in hand: to the proxy, or the request itself */
	struct fetch_lists lists;
	bool is_dialling; /* it is the one to the proxy */
	int fd;		  /* connected to the proxy, until libcurl takes it; else -1 */
	struct tunnel *tunnel;
	uint64_t connect_until_usec, until_usec; /* CLOCK_MONOTONIC */
	int64_t slept_before_usec;		 /* deadline_slept() at the beginning */
	const struct token_request *request;
	const struct fetch_means *means;
	struct secret body;
	size_t head_len; /* of headers, and of trailers behind the body */
	bool too_long, silent, was_sent;
	sd_event_source *silence; /* the read time-out, from the end of connecting on */
	char failure[CURL_ERROR_SIZE];
	void *context;
};

struct fetcher {
	fetch_done_fn done;
	void *userdata;
	sd_event *event;
	struct curl_loop *loop;
	struct fetch *first;
};

/* A new handle for the fetch, with what every transfer needs: 0 or -ENOMEM. */
_must_check_ int fetch_begin_transfer(struct fetch *f);
/* Ends the transfer in hand, if there is one. */
void fetch_end_transfer(struct fetch *f);

/* Starts the request itself, on the connection that has been dialled if there is one: 0 or -errno. */
_must_check_ int fetch_start_request(struct fetch *f);

/* Tells that the fetch failed before its request began (`why` borrowed), and frees it. */
void fetch_fail(struct fetch *f, int error, const char *why);

/* Starts a transfer that only connects to the proxy: 0 or -errno. */
_must_check_ int fetch_dial(struct fetch *f);
/*
 * The proxy is connected: its socket is taken from libcurl, which closes its own copy, and
 * SOCKS5 spoken on it; then the request starts. Whatever fails ends the fetch.
 */
void fetch_dial_done(struct fetch *f);
/* Has the transfer in hand use the dialled connection, which becomes libcurl's. */
void fetch_dial_lend(struct fetch *f);
