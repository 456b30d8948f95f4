/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Records of rotated refresh tokens as files of one folder, each replaced as a whole: a
 * temporary file is written and synchronised, renamed, and the folder synchronised; only
 * then is the record kept. Whenever the process is killed or the power fails before that,
 * the record is what it was before or what it is to be, and nothing in between. What a
 * record says is rotation-seal.c's, which of them go rotation-sweep.c's. The folder is
 * opened anew each time, and made when it is first needed (mode 0700, and nobody else may
 * write to it).
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "rotation-seal.h"

/* Each use is noted to the day. */
#define ROTATION_TOUCH_SEC (INT64_C(24) * 60 * 60)
/* The end of the name of a file that is being written; no record's name ends so. */
#define ROTATION_NEW ".new"

/*
 * Where the records lie: `override` if not NULL, else $STATE_DIRECTORY if set and not
 * empty, else /var/lib/maildest-helper, which is what the unit's is too, for root and
 * system users and ~/.local/state/maildest for others. *ret is malloc'd. 0; -EINVAL if it is no absolute path; -ENOMEM.
 */
_must_check_ int rotation_folder(const char *override, char **ret);

/* Replaces or adds a record: 0 when it is kept, -errno if it may not be. */
_must_check_ int rotation_write(
    const char *folder, const char *name, const struct secret *bytes);

/* Whether there is a record of that name. */
bool rotation_exists(const char *folder, const char *name);

/* 0; -ENOENT if there is none; -EFBIG if it is longer than any record; another -errno. */
_must_check_ int rotation_read(const char *folder, const char *name, struct secret *ret);

/* Notes that a record was used, if the last note is a day old. */
void rotation_touch(const char *folder, const char *name, time_t now);

/* Removes a record, if there is one. */
void rotation_remove(const char *folder, const char *name);

/*
 * The folder's descriptor; -ENOENT if there is none; -EPERM if others could have put
 * anything there; another -errno.
 */
_must_check_ int rotation_open_folder(const char *folder);
