/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the generator has written for a socket, as one hash. */

#include "digest.h"
#include "manager.h"
#include "service-state.h"

/* Where systemd's generators write, and where we note what runs; for this boot only. */
#define APPLY_GENERATED "/run/systemd/generator"
#define APPLY_NOTES "/run/maildest"
#define APPLY_NOTES_FILE "applied"

/*
 * Sets the hash of each unit's drop-in, and of that of the service that goes with it, by
 * the unit's name. Those without files are left out. 0, -EIO or -ENOMEM.
 */
_must_check_ int apply_files_read(
    const struct manager_units *units, struct state_table *ret);
