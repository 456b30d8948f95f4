/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What was applied last, and what would be next. */

#include "manager.h"
#include "services.h"

/* Hashes of units when they were last applied, since the last boot: 0 or -ENOMEM. */
_must_check_ int apply_notes_read(struct state_table *ret);
/* 0, or -errno with *ret_why (malloc'd). */
_must_check_ int apply_notes_write(const struct state_table *t, char **ret_why);

/*
 * The sockets that the generator would write, found without it, and whether each would
 * have a service of the same name, which forks. 0 or -ENOMEM.
 */
_must_check_ int apply_foresee(
    const struct services *s, struct manager_units *ret, bool *ret_forks);
