/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the program does as a client; each function prints one line of JSON. 0 or -errno. */

#include <stdbool.h>

#include "session.h"

/*
 * Runs whole sessions, `concurrency` at a time: {"ok", "failed", "p50_usec", "p99_usec"
 * (of a session, from connecting to the answer to its goodbye), "usec" (of all)}.
 */
_must_check_ int load_run(const struct target *t, size_t sessions, size_t concurrency);

/*
 * Begins sessions and holds them, their mail moved, until standard input ends: {"ok",
 * "failed"} as soon as all have begun. -ECONNRESET if one then gets no answer to its
 * goodbye.
 */
_must_check_ int load_hold(const struct target *t, size_t sessions);

/*
 * Gets a token for a destination from the helper at `socket`, again and again; `anew`: on
 * a new connection each time, as handlers do. {"ok", "failed", "p50_usec", "p99_usec"}.
 */
_must_check_ int load_tokens(
    const char *socket, const char *destination, size_t requests, bool anew);
