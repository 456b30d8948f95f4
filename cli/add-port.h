/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The port of a service that `maildest add` has made, where a systemd opens it. */

#include "cli.h"
#include "install.h"

/*
 * A resource whose port others have too would take it at the next boot: it is refused,
 * and removed again (*ret_is_withdrawn) if it was not there before. An enum cli_status.
 */
int add_port_check(const struct cli *c, const char *service,
    const struct install *resource, bool *ret_is_withdrawn);

/* Opens it: an enum cli_status. */
int add_port_open(const struct cli *c, bool force);
