/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Within broker.c's job: one fetch, with all that must be there before it: what lies in
 * files, and tokens that the broker is asked for like anybody asks it: another
 * destination's as the client's assertion, and a JWT for the Connectivity proxy, a new one
 * once if the proxy refuses it.
 */

#include <systemd/sd-event.h>

#include "cache.h"
#include "fetch.h"
#include "stats.h"

struct broker;
struct errands;

/*
 * Called once for each errand. `reply` (borrowed) is that of the request, or says as a
 * failure why it was not sent; `failure` is what that is to the cache:
 * CACHE_DESTINATION_INVALID if an administrator has to correct something, else
 * CACHE_UNAVAILABLE.
 */
typedef void (*errand_done_fn)(struct broker *b, struct cache_entry *e,
    const struct fetch_reply *reply, enum cache_verdict failure);

/* `config_dir` (may be NULL), `stats` and the broker are borrowed; once in a process. 0 or -errno. */
_must_check_ int errands_new(sd_event *event, const char *config_dir, struct stats *stats,
    struct broker *b, errand_done_fn done, struct errands **ret);
/* Ends every errand without a word; takes NULL; returns NULL. Before the cache goes away. */
struct errands *errands_free(struct errands *all);

/*
 * Starts to fetch for an entry that is marked as fetching. Takes over the contents of
 * `request`. Whatever comes, errand_done_fn is called, perhaps before this returns.
 */
void errand_start(
    struct errands *all, struct cache_entry *e, struct token_request *request);
