/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Records of our programs in the journal, as those who judge them read them. */

#include <stdint.h>
#include <systemd/sd-journal.h>

#include "macro.h"

void status_journal_close(sd_journal **j);
#define _cleanup_journal_ _cleanup_(status_journal_close)

/* The local journal, to be read backwards; its matches are the caller's. 0 or -errno. */
_must_check_ int status_journal_open(sd_journal **ret);

/*
 * Adds matches, so that only records of our users come: the journal itself vouches for
 * users alone, anybody may call himself as we do. 0 or -errno.
 */
_must_check_ int status_journal_match_users(sd_journal *j);

/* A field of the record, printable (malloc'd), or NULL. */
char *status_journal_field(sd_journal *j, const char *name);

/* The time of day so long ago. */
uint64_t status_journal_ago(uint64_t usec);
