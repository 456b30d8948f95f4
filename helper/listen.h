/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The sockets the helper listens on: given by the service manager, or bound by itself. */

#include <stdbool.h>

#include "macro.h"

/*
 * The sockets from systemd (sd_listen_fds(3)), each checked to be a listening AF_UNIX
 * stream socket and made non-blocking: their number, 0 if there are none, the descriptors
 * being 3 and those that follow; -EINVAL with *ret_why (malloc'd) naming the one that is
 * something else; -errno.
 */
_must_check_ int listen_inherited(char **ret_why);

/*
 * Binds a path and listens: its folder is made if missing (0755), a socket that nobody
 * listens on is replaced, the new one is 0660 and belongs to the group maildest if there
 * is one. Returns a descriptor; -EADDRINUSE if somebody listens there; -EEXIST if the
 * path is no socket; another -errno. *ret_why (malloc'd) then names path and reason.
 */
_must_check_ int listen_bind(const char *path, char **ret_why);
