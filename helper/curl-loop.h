/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within fetch.c's job: libcurl's multi interface on an sd-event loop. */

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "macro.h"

struct curl_loop;

/*
 * Called from the loop when a transfer has ended, once, never from within libcurl. The
 * handle is still the loop's; curl_loop_remove() may be called. CURLE_OUT_OF_MEMORY may
 * come of what another transfer did, as libcurl gives up all at once then.
 */
typedef void (*curl_loop_done_fn)(CURL *easy, CURLcode code);

/* The loop is referenced. libcurl must have been initialised. 0, -ENOMEM or sd-event's -errno. */
_must_check_ int curl_loop_new(
    sd_event *event, curl_loop_done_fn done, struct curl_loop **ret);
/* Takes NULL; returns NULL. All handles must have been removed. */
struct curl_loop *curl_loop_free(struct curl_loop *l);

/* Starts a transfer; the handle stays the caller's. 0 or -ENOMEM. */
_must_check_ int curl_loop_add(struct curl_loop *l, CURL *easy);
/* Stops it, if it was ever started. */
void curl_loop_remove(struct curl_loop *l, CURL *easy);
