/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one journal record of a connection: who, where to, how, how much, how it ended.
 * Fields are MAILDEST_SERVICE, _DESTINATION, _PROTOCOL, _CLIENT, _UPSTREAM, _TLS, _MECHANISM,
 * _BYTES_IN, _BYTES_OUT, _DURATION_USEC, _RESULT and _SESSION.
 */

#include <stdint.h>

#include "refusal.h"

/* MESSAGE_ID of the record of a session that reached the relay or a goodbye. */
#define MESSAGE_ID_SESSION "5d1a70a2c4a34e0f9b6c7e2d8f104e31"

#define SESSION_ID_SIZE 13 /* 12 hexadecimal digits and a NUL */

struct record {
	char session[SESSION_ID_SIZE];
	uint64_t started;    /* deadline_now() */
	const char *service; /* borrowed, as all strings; NULL while unknown */
	const char *destination;
	const char *protocol;
	char *client;	/* owned */
	char *upstream; /* owned */
	char *tls;	/* owned */
	const char *mechanism;
	uint64_t bytes_in, bytes_out;
};

/* Draws a session id and starts the clock. */
void record_begin(struct record *r);
void record_done(struct record *r);
#define _cleanup_record_ _cleanup_(record_done)

/* Writes the record of a session that got what it came for; `how` says how it ended. */
void record_success(const struct record *r, const char *how);

/* Writes the record of one that did not: what we were doing, and why it failed. */
void record_failure(const struct record *r, const struct refusal *refusal,
    const char *phase, const char *why);

/*
 * Renders record_failure() for a signal handler to send at `when` (deadline_now()): 0 or
 * -ENOMEM.
 */
_must_check_ int record_prepare_failure(const struct record *r,
    const struct refusal *refusal, const char *phase, const char *why, uint64_t when,
    struct secret *ret);

/* Says loudly, in a record of its own, that one of the insecure settings is in force. */
void record_insecure(const struct record *r, const char *what);

/* Says in a record of its own that the session runs without some of its walls; see confine.h. */
void record_unconfined(const struct record *r, const char *what);

/*
 * Says in a record of its own that keys of the destination contradict each other, and
 * which wins.
 */
void record_contradiction(const struct record *r, const char *what);
