/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the generator has written for the sockets, and what it would write: texts by the
 * names of units, which are those of their drop-ins, and of groups' lists.
 */

#include "digest.h"
#include "services.h"

/* Where we note what runs; for this boot only. */
#define APPLY_NOTES "/run/maildest"
#define APPLY_NOTES_FILE "applied"

/* What would be written, by what is configured now: 0, or as units_write(). */
_must_check_ int apply_files_foresee(struct services *s, struct state_table *ret);
/* What is written, of the same names; those without files are left out: 0 or -ENOMEM. */
_must_check_ int apply_files_read(
    const struct state_table *like, struct state_table *ret);

/*
 * By the name of each socket, one hash of its text and of that of the service that forks
 * for it: one of them has changed, so both have to be restarted. 0, -EIO or -ENOMEM.
 */
_must_check_ int apply_files_digests(
    const struct state_table *texts, struct state_table *ret);
