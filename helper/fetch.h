/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sends token requests: libcurl's multi interface on an sd-event loop. */

#include <systemd/sd-event.h>

#include "token-request.h"

/* A token's reply is some 2 KiB; longer than this is no reply. */
#define FETCH_REPLY_MAX ((size_t)64 * 1024)

struct fetcher;

/* How a fetch ended. Everything borrowed for the time of the call. */
struct fetch_reply {
	const struct token_request *request;
	const char *
	    failure; /* why there is no reply, as libcurl tells it; NULL if there is one */
	long http_status;
	uint64_t retry_after_usec; /* 0 if the reply did not say */
	const char *body;
	size_t len;
};

/* Called from the loop once for each fetch; `context` is what fetch_start() was given. */
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
 * Starts a request on a connection of its own, checked against the system's anchors and
 * those in `pem` (may be empty). Takes over the contents of `request` and `pem`, also on
 * failure. 0, or -ENOMEM.
 */
_must_check_ int fetch_start(
    struct fetcher *f, struct token_request *request, struct secret *pem, void *context);
