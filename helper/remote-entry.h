/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within remote.c's job: the list of destinations, and who waits for them. */

#include "remote.h"

/*
 * One binding's destination. Moments are of CLOCK_BOOTTIME, 0 for none. Waiters are queued
 * only while `fetching`, and are told when that ends.
 */
struct remote_entry {
	struct remote *remote;
	struct remote_entry *previous, *next;	   /* most recently used first */
	unsigned char owner[DIGEST_SHA256_SIZE];   /* binding_owner() */
	unsigned char request[DIGEST_SHA256_SIZE]; /* token_request_digest() */
	unsigned char asked[DIGEST_SHA256_SIZE];   /* ... of the one under way */
	struct binding binding;
	struct secret text; /* one JSON object; empty if nothing is known */
	unsigned char digest[DIGEST_SHA256_SIZE];
	uint64_t fresh_until, failure_until;
	unsigned failures; /* in a row */
	enum cache_verdict failure;
	char *reason;
	bool fetching;
	struct remote_waiter *waiters;
};

struct remote {
	const char *config_dir;
	struct errands *errands;
	struct remote_entry *first, *last;
	unsigned n;
	size_t bytes; /* of all texts */
	char *why;    /* of the last request that could not be built */
};

/* Forget what is known, and what failed. */
void remote_entry_drop_text(struct remote_entry *e);
void remote_entry_drop_failure(struct remote_entry *e);

/* A binding's entry, or NULL. */
struct remote_entry *remote_find(const struct remote *r, const struct binding *b);

/* The same, which becomes the one used last, and is made if there is none; NULL without memory. */
struct remote_entry *remote_open(struct remote *r, const struct binding *b);

/* Makes room: whatever was used longest ago goes, unless it is being fetched or waited for. */
void remote_shrink(struct remote *r);

/*
 * Queues a waiter; tells all of them, who are queued no longer. ready() must not forget the
 * entry, nor make room: whoever asks again then does so later.
 */
void remote_entry_queue(struct remote_entry *e, struct remote_waiter *w);
void remote_entry_wake(struct remote_entry *e);
