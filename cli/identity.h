/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* As whom we look at things. */

#include "cli.h"
#include "config.h"

/* Whether another configuration than the default one was asked for. */
bool identity_is_elsewhere(const struct cli *c);

/* Whether the configuration is the system's: root's programs look at it as the service does. */
bool identity_is_systems(const struct cli *c);

/*
 * Root that looks at the system's configuration becomes the user maildest for good, with
 * its groups, so that what it may read is what the service may. 1; 0 if there was nothing
 * to do; -errno with *ret_why (malloc'd), also if there is no such user.
 */
_must_check_ int identity_become_service(const struct cli *c, char **ret_why);

/*
 * Opens the configuration to look at all of it: as config_open(), but -EPERM with *ret_why
 * where we may not even read its folder, of which everything else would tell in pieces.
 */
_must_check_ int identity_open_config(
    const struct cli *c, struct config *ret, char **ret_why);
