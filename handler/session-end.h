/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How a session ends: what its client is told and its one record, also where the host hangs
 * or has no memory left. Each of the functions that say so leaves the record written.
 */

#include "relay.h"
#include "session.h"

/*
 * What failed (-errno, with s->why or without), to client and journal; the walls are
 * closed first.
 */
void session_fail(struct session *s, int error);

/* The relay is over: `end` is what relay_run() has returned. */
void session_end_relay(struct session *s, const struct relay *r, int end);

/* The client left without having logged in, though it tried: its failure is the session's. */
void session_end_without_login(struct session *s, const struct exchange *x);

/* The client said goodbye before there was anything to relay. */
void session_end_by_client(struct session *s);

/* The words for the moment at which nothing else is left; see backstop.h. */
struct session_last_words {
	struct secret reply, record;
};
/* Disarms the backstop, which borrows them, and wipes. */
void session_last_words_done(struct session_last_words *w);
#define _cleanup_last_words_ _cleanup_(session_last_words_done)

/*
 * Arms the backstop with words in the session's protocol, for a moment after its deadline; it may
 * be armed already. 0, -ENOMEM, or backstop_arm()'s -errno.
 */
_must_check_ int session_arm_backstop(struct session *s, struct session_last_words *w);

/*
 * Until given back, a want of memory in OpenSSL, which does not survive it everywhere, ends the
 * process with what session_fail() says; once the relay has begun no word of ours may stand
 * between the server's, and there is the record alone. A process has one session.
 */
void session_reserve_take(struct session *s);
void session_reserve_for_relay(void);
void session_reserve_give_back(struct session **s);
