/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Destinations that lie in a Destination service, as they were found there: for two
 * minutes nobody asks again, and one request serves all who wait. While the service is
 * away, or has troubles of its own, what it said last goes on to be true, and nobody waits;
 * it is asked again after pauses that grow, from one second to a minute, or as long as its
 * Retry-After says. What it refuses, or does not have (any more), is an error for ten
 * seconds. Who is asked with which token is errand.c's.
 */

#include <systemd/sd-event.h>

#include "binding.h"
#include "cache.h"
#include "errand.h"
#include "properties.h"

#define REMOTE_FRESH_USEC (120 * USEC_PER_SEC)
#define REMOTE_REFUSED_USEC (10 * USEC_PER_SEC)
/*
 * So many destinations, more than twice the services of a large host, and so much memory for
 * all; those used longest ago go.
 */
#define REMOTE_ENTRIES_MAX 4096
#define REMOTE_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct remote;
struct remote_entry;

/*
 * Somebody waiting, part of a structure of the caller's, which asks again some time after
 * ready(), not within it: there may be an answer by then. `entry` is NULL while not
 * queued; one that is queued must be taken out (remote_forget_waiter()) before it goes
 * away.
 */
struct remote_waiter {
	struct remote_entry *entry;
	struct remote_waiter *previous, *next;
	void (*ready)(struct remote_waiter *w);
};

/* `config_dir` (may be NULL) and `errands` are borrowed. 0 or -ENOMEM. */
_must_check_ int remote_new(
    const char *config_dir, struct errands *errands, struct remote **ret);
/* Wipes and frees; takes NULL; returns NULL. After errands_free(); nobody may wait any more. */
struct remote *remote_free(struct remote *r);

enum remote_state {
	REMOTE_KNOWN,
	REMOTE_WAIT, /* the waiter has been queued */
	REMOTE_FAILED,
};

/*
 * Sees to it that the destination of a binding with an instance is known. REMOTE_FAILED
 * says why in *ret, as the cache would. Or -ENOMEM.
 */
_must_check_ int remote_ask(struct remote *r, const struct binding *b,
    struct remote_waiter *w, struct cache_answer *ret);
void remote_forget_waiter(struct remote_waiter *w);

/*
 * Lays what is known of a binding's destination on top of `p`, however old it is, and
 * appends a digest over it to `revision`, which may be NULL. 0; -EIO with *ret_why
 * (malloc'd) if nothing is known; -ENOMEM.
 */
_must_check_ int remote_load(const struct remote *r, const struct binding *b,
    struct properties *p, struct secret *revision, char **ret_why);

/* Forgets a destination, of one tenant or, with NULL, of all. */
void remote_forget(struct remote *r, const char *destination, const char *tenant);

/* How many are known. */
unsigned remote_count(const struct remote *r);
