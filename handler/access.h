/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who may connect. Fails closed: whoever cannot be told apart is refused. On Unix sockets
 * the kernel says who it is; on loopback its table of sockets does (access-owner.h).
 * Other hosts need a network that the service names.
 */

#include "service.h"

/*
 * Whether the peer of a connected descriptor may use the service; pipes are whoever
 * started us. 0; -EREMOTE with *ret_why (malloc'd): who it is, who may, and what would
 * let it in; -ECONNABORTED if it has gone; -ENOMEM. May ask the user database, which takes
 * no deadline: the caller has armed a SIGALRM that ends the process.
 */
_must_check_ int access_check(int fd, const struct service *service,
    const struct settings *settings, char **ret_why);

/* Whether that depends on settings. */
bool access_needs_settings(const struct service *service);
