/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who could have written what units are made from: nobody but root, or whoever runs this. */

#include <sys/stat.h>

#include "config.h"

/*
 * Whether a file or folder is root's or our own, and no other user or group may write to
 * it: 0, or -EPERM with *ret_why (malloc'd).
 */
_must_check_ int owner_check(const struct stat *st, const char *path, char **ret_why);

/* config_read() of such a file. */
_must_check_ int owner_read(const struct config *c, const char *folder, const char *name,
    size_t max, struct config_file *ret, char **ret_why);
