/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The sockets the helper listens on: given by the service manager, or bound by itself. */

#include <stdbool.h>

#include "macro.h"

/*
 * Makes a socket from the service manager ready to be listened on: 0; -EINVAL if it is no
 * listening AF_UNIX stream socket; another -errno.
 */
_must_check_ int listen_check(int fd);

/*
 * Binds a path and listens: its folder is made if missing (0755), a socket that nobody
 * listens on is replaced, the new one is 0660 and belongs to the group maildest if there
 * is one. Returns a descriptor; -EADDRINUSE if somebody listens there; -EEXIST if the
 * path is no socket; -EBUSY if another program keeps the folder locked for
 * seconds; another -errno. *ret_why (malloc'd) then names path and reason.
 */
_must_check_ int listen_bind(const char *path, char **ret_why);
