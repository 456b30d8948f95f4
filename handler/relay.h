/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The relay: bytes in both directions, unread and unchanged, until both sides have ended.
 * It adds none of its own.
 */

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"

enum relay_end {
	RELAY_UPSTREAM_ENDED, /* in order: the server closed, all it sent has been passed on */
	RELAY_CLIENT_LEFT, /* the client ended and the server did not follow in time */
	RELAY_CLIENT_RESET,
	RELAY_UPSTREAM_RESET,
	RELAY_UPSTREAM_BLOCKED, /* the server takes nothing for the write time-out */
	RELAY_IDLE,
	RELAY_END_MAX,
};

struct relay {
	struct stream *client;	 /* borrowed; unconsumed input goes first */
	struct stream *upstream; /* likewise */
	uint64_t idle_usec;	 /* neither side says anything */
	uint64_t drain_usec;	 /* the server says nothing after the client ended */
	/* ... under TLS 1.2, and it had answered a client that said no goodbye */
	uint64_t left_usec;
	/* TLS 1.3: of the server's silence before it is told of the end */
	uint64_t settle_usec;
	uint64_t write_timeout_usec;
	uint64_t bytes_in;  /* result: client to server */
	uint64_t bytes_out; /* result: server to client */
	bool unanswered; /* result: the client waits for an answer to what it said last */
};

/*
 * Runs to the end; both streams are left for the caller to close. Returns an enum
 * relay_end or -ENOMEM.
 *
 * The client's end passes at once in plain text, where TCP keeps the directions apart.
 * Under TLS 1.2 close_notify makes a server drop what it still writes (RFC 5246 7.2.1),
 * so the end waits for the server's; not for long where the client's last words were no
 * goodbye and have been answered. TLS 1.3 keeps the directions apart too (RFC 8446 6.1),
 * but servers are known that drop commands they have not answered yet (Dovecot 2.3); so it
 * passes when the server has been silent for `settle_usec`.
 */
_must_check_ int relay_run(struct relay *r);

/* For the journal: "the server ended the session"; constant. */
const char *relay_end_text(enum relay_end end);
