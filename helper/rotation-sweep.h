/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which records go. There are two classes, told apart by their size: those with a token,
 * and marks, which only say that a code has been posted. Anybody can cause a mark by
 * presenting what looks like a code; so marks make room for marks alone, and never does a
 * token go for one.
 *
 * When a record was last used is its file's time, by the wall clock. That may be wrong: a
 * host without a battery begins with the time of its image, and is put right later. How
 * long such a time is believed is rotation.c's matter.
 */

#include <stdbool.h>
#include <time.h>

/*
 * So many records of each class. Who has most of them makes room, with the one used longest ago:
 * a tenant whose token service takes whatever its clients present drives out no other's.
 */
#define ROTATION_FILES_MAX 1000

/* Removes what writers that were killed have left. */
void rotation_clean(const char *folder);

/*
 * Makes room for a record of that name that is about to be written, if it will add one to
 * its class. Returns how many tokens had to go.
 */
unsigned rotation_make_room(const char *folder, const char *name, bool has_token);

/* Removes the records that were last used before `then`. */
void rotation_sweep(const char *folder, time_t then);

/* Notes a use, now, of the records that were last used before `then`. */
void rotation_renew(const char *folder, time_t then, time_t now);
