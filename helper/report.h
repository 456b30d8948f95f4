/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The records the helper writes while it runs: one for each failed fetch, recovery, bad peer. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "binding.h"

/* A fetch that brought no token. `host` may be NULL, `error` (RFC 6749's code) too. */
void report_fetch_failed(const struct binding *b, const char *host, long http_status,
    const char *error, const char *reason);

/* The first token after failures. */
void report_recovered(const struct binding *b, const char *host);

/* A request about to go out to a server whose certificate is not checked (TrustAll). */
void report_unchecked(const struct binding *b, const char *host);

/*
 * A destination could not be had from its Destination service, for the first time;
 * `is_known`: it goes on to be what it was. And the first time it could be again.
 */
void report_remote_failed(const struct binding *b, bool is_known, const char *reason);
void report_remote_back(const struct binding *b);

/* Of the state that the service manager kept for us (store.h); names escaped here. */
void report_state_restored(unsigned tokens);
void report_state_refused(const char *name, const char *why);
/* The state could not be handed over. */
void report_state_not_kept(int error);

/*
 * Of records of rotated refresh tokens (rotation.h): `n` of them wait in memory, since they
 * cannot be written; all of them are written; `n` tokens had to make room for others.
 */
void report_rotation_not_kept(const char *folder, unsigned n, const char *why);
void report_rotation_kept(const char *folder);
void report_rotation_dropped(const char *folder, unsigned n);

/* A descriptor that the service manager gave and nobody here knows what to do with. */
void report_descriptor(int fd, const char *name);

/* A connection that was refused or closed because of its peer. */
void report_peer(uid_t uid, pid_t pid, const char *reason);
