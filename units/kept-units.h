/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Units as they were when somebody applied them last, or when the machine booted, below
 * /run. Whenever somebody has systemd read its units anew, it closes the ports of those
 * that have changed or are gone; so between two applies the generator says the same again,
 * whatever became of the configuration meanwhile.
 *
 * The folder holds what the generator writes: links to templates, drop-ins, lists of
 * groups, what sockets.target wants. It is replaced whole, by one program at a time
 * (STATE_LOCK_TABLES). `parent`, borrowed, is where it lies: kept_units_open().
 */

#include <stdbool.h>
#include <stdint.h>

#include "macro.h"

/* Where systemd has the system's units generated, which alone are kept. */
#define KEPT_UNITS_OUTPUT "/run/systemd/generator"
#define KEPT_UNITS_PARENT "/run/maildest"

/*
 * Opens the parent: a descriptor; -ENOENT if it is not there; -EPERM if it is not root's
 * or our own, or others may write to it; another -errno.
 */
_must_check_ int kept_units_open(void);
/* Opens what is kept: likewise. */
_must_check_ int kept_units_open_last(int parent);

/* Copies all that is ours from one folder to another, which has nothing of it: 0 or -errno. */
_must_check_ int kept_units_copy(int from, int to);

/*
 * Whether the templates that kept units link to are there: false after another version was
 * installed, and that one is gone whose programs these units would start. Of this version
 * they are, at the latest at the deadline (usec, deadline.h): one that is missing is being
 * replaced, and until then waited for, as systemd closes the port of a unit without one.
 */
bool kept_units_are_of_this_host(int kept, uint64_t deadline);

/* Makes an empty folder beside it: a descriptor or -errno. */
_must_check_ int kept_units_draft(int parent);
/* Keeps the draft from now on: 0 or -errno. */
_must_check_ int kept_units_accept(int parent);
/* Removes what the draft has replaced, or the draft, once nobody reads it any more. */
void kept_units_forget(int parent);
