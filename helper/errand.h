/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Within broker.c's job: one fetch, with all that must be there before it: what lies in
 * files, and tokens that the broker is asked for like anybody asks it: another
 * destination's as the client's assertion, a JWT for the Connectivity proxy, and a
 * Destination service's own, a new one of these two once if the other side refuses it.
 *
 * A request to a Destination service whose connection breaks is repeated once, unless it
 * carries a client's credential.
 */

#include <systemd/sd-event.h>

#include "cache.h"
#include "fetch.h"
#include "stats.h"

struct broker;
struct errands;

/*
 * Called once for each errand, with what the order says. `reply` (borrowed) is that of the
 * request, or says as a failure why it was not sent; `failure` is what that is to the
 * cache: CACHE_DESTINATION_INVALID if an administrator has to correct something, else
 * CACHE_UNAVAILABLE.
 */
typedef void (*errand_done_fn)(void *userdata, void *context,
    const struct fetch_reply *reply, enum cache_verdict failure);

/* Everything borrowed; the binding until it is done. */
struct errand_order {
	const struct binding *binding; /* whose request it is */
	errand_done_fn done;
	void *userdata, *context;
};

/*
 * `config_dir` (may be NULL), `stats` and the broker are borrowed; once in a process. 0
 * or -errno.
 */
_must_check_ int errands_new(sd_event *event, const char *config_dir, struct stats *stats,
    struct broker *b, struct errands **ret);
/* Ends every errand without a word; takes NULL; returns NULL. Before the cache goes away. */
struct errands *errands_free(struct errands *all);

/*
 * Starts a fetch. Takes over the contents of `request`. Whatever comes, the order's
 * function is called, perhaps before this returns.
 */
void errand_start(
    struct errands *all, const struct errand_order *order, struct token_request *request);
