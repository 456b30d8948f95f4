/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Plays a script's steps in their order. The session begins at the first step that is
 * not the client's own doing: what a script has the client send or do before that is
 * there already.
 *
 * What either side can do:
 *
 *   C! half-close             ends what it sends: close_notify, or one direction's end
 *   C! close                  closes, with close_notify under TLS
 *   C! reset                  breaks the connection (transport: tcp)
 *   C! awaits-helper          goes on when the helper has been asked for its last answer
 *
 * and the server:
 *
 *   S! connects               the session connects; from here on S is this connection
 *   S! refuses [WORD]         the session tries to and fails: host-unreachable,
 *                             network-unreachable, timeout; otherwise refused
 *   S! tls VERSION [KIND]     a handshake that works: 1.2 or 1.3; the certificate is
 *                             right, wrong-name, expired, self-signed or unknown-ca
 *   S! no-tls VERSION [KIND]  one that the session must break off
 *   S! cut                    closes without close_notify
 *
 * What either side can be made to receive besides a text:
 *
 *   <end>            nothing more, then the end of the connection
 *   <close-notify>   nothing more, then TLS's end with the connection still open
 *   <rest>           whatever comes, up to the end
 *   <nothing>        nothing has come up to now
 *
 * With "each: WORD WORD ..." the whole script is played once for each word, which is
 * ${each}.
 *
 * At the end of a script both sides must be at their end, with nothing unread.
 */

#include "helper-double.h"
#include "peer.h"
#include "script.h"
#include "stage.h"

struct play {
	const struct script *script;
	struct stage *stage;
	struct peer client;
	struct peer servers[STAGE_CONNECTIONS_MAX];
	size_t n_servers;  /* connections so far that were not refused */
	size_t n_attempts; /* all so far */
	struct helper_double helper;
	struct values values;
	uint64_t patience; /* usec, for the next expectation */
};

/* Takes the stage's ends; `each` is the word this round is for, or "" (borrowed): 0 or -errno. */
_must_check_ int play_begin(
    struct play *p, const struct script *script, struct stage *stage, const char *each);

/* All steps, then the ends: 0, or -errno after saying what broke. */
_must_check_ int play_run(struct play *p);

void play_done(struct play *p);
#define _cleanup_play_ _cleanup_(play_done)
