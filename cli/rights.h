/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whether the services can read what root can read. */

#include "cli.h"
#include "config.h"

/* The users that read the configuration. */
#define RIGHTS_HANDLER "maildest"
#define RIGHTS_HELPER "maildest-helper"

/*
 * Whether `user` may read <folder>/<file> (folder NULL: none; then the file may be an
 * absolute path), by owner, group and mode, its own and those of the folders from the
 * configuration on. 0, also where the configuration is not the system's or there is no
 * such user; -EPERM with *ret_why (malloc'd) saying what to do; -ENOMEM.
 */
_must_check_ int rights_check(const struct cli *cli, const struct config *c,
    const char *user, const char *folder, const char *file, char **ret_why);
