/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Within errand.c's job: a token that is asked of the broker, whose answer may come in the
 * middle of somebody else's work: it is copied, and acted upon from the loop.
 */

#include <systemd/sd-event.h>

#include "broker.h"
#include "cache.h"

/* Called with the answer (borrowed); the inquiry may be ended in there. */
typedef void (*inquiry_fn)(void *userdata, const struct cache_answer *answer);

/* Part of a structure of the caller's; all zeroes before inquiry_begin(). */
struct inquiry {
	inquiry_fn act;
	void *userdata;
	struct cache_waiter waiter; /* queued while it waits */
	/* What the waiter was told, and the source that acts upon it. */
	struct cache_answer answer;
	struct secret token;
	char *reason;
	sd_event_source *answered;
};

/* To be ended whatever comes of it: 0 or -errno. */
_must_check_ int inquiry_begin(
    struct inquiry *q, sd_event *event, inquiry_fn act, void *userdata);
/* Waits no more, wipes; takes one that is all zeroes. */
void inquiry_end(struct inquiry *q);

/*
 * Asks, one question after the other. 0, the answer having been acted upon already if the
 * broker had it; -ENOMEM: nobody will answer.
 */
_must_check_ int inquiry_ask(
    struct inquiry *q, struct broker *b, const struct broker_question *question);
