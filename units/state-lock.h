/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who changes what is remembered of services: one program at a time, as each reads a
 * table, adds to it and replaces it. Whoever only reads needs no lock, as files are
 * replaced whole.
 */

#include <stdint.h>

#include "config.h"

/* .state/ but what is below; also what apply does to units. */
#define STATE_LOCK_TABLES ".lock"
/* .state/protocols, for as long as somebody asks Destination services. */
#define STATE_LOCK_SYNC ".sync.lock"

/*
 * Takes a lock, waiting until the deadline for whoever has it; the process's end or
 * state_lock_release() gives it back. A descriptor; or -EALREADY, saying who has it, or
 * another -errno, with *ret_why (malloc'd); -ENOMEM.
 */
_must_check_ int state_lock_take(
    const struct config *c, const char *lock, uint64_t deadline, char **ret_why);

/* For cleanup: closes the descriptor, if there is one. No process holds a lock twice. */
static inline void state_lock_release(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written */
}
#define _cleanup_state_lock_ _cleanup_(state_lock_release)
