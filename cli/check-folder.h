/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within check-*.c: the files of a folder, one after the other. */

#include "checks.h"

/*
 * Calls `look` with the name of each NAME.json of a folder that is wanted, and with
 * `context`; `descend` with the name of each folder in it. Complains of what is neither.
 */
void check_folder(struct check *k, const char *kind, const char *folder,
    void (*look)(struct check *k, const char *name, const char *context),
    void (*descend)(struct check *k, const char *folder), const char *context);
