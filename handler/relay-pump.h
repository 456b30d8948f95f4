/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One direction of the relay: a buffer between two streams. */

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"
#include "unanswered.h"

struct pump {
	struct stream *from, *to;
	char *buffer; /* owned, NULL until it is needed */
	size_t start, end;
	size_t used;		     /* the most that ever was in it */
	bool ended;		     /* `from` will send no more */
	bool passed;		     /* ... and `to` has been told, or cannot be */
	bool discard;		     /* nobody is left to take what comes */
	int read_error, write_error; /* -errno; final */
	short read_events, write_events;
	uint64_t discard_usec;	/* for the server to finish once nobody is left */
	uint64_t discard_until; /* 0 while somebody is */
	uint64_t moved_at;	/* when either pump last moved anything */
	uint64_t hold_until; /* before which the end is not passed on; 0: not known yet */
	uint64_t blocked_since; /* 0, or when a write was first refused */
	uint64_t *count;
	struct unanswered *unanswered; /* both directions' */
	bool asks;		       /* this is the client's */
};

/* Wipes and frees the buffer; a later pump_fill() makes another. */
void pump_done(struct pump *p);
#define _cleanup_pump_ _cleanup_(pump_done)

bool pump_is_empty(const struct pump *p);

/* Reads once, into an empty buffer: true if bytes, the end, or an error came in. */
bool pump_fill(struct pump *p);

/* Writes what is in the buffer, a TLS record at a time: true if bytes went out. */
bool pump_flush(struct pump *p);

/* Whether the end has to wait still. Without TLS, or with 1.2, there is nothing to wait for. */
bool pump_is_held(const struct pump *p);

/* Tells `to` that `from` has ended, once everything before it is out: true if it did. */
bool pump_pass_end(struct pump *p);
