/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whose socket a connection's other end is, by the kernel's table of sockets (sock_diag(7)):
 * what no program can say of itself falsely.
 */

#include <sys/socket.h>
#include <sys/types.h>

#include "macro.h"

/*
 * The owner of the other end of a TCP connection within this host, `fd` being our end. 0;
 * -ESRCH if no process of this network namespace has it open any more (a socket that was
 * closed already has no owner, whatever uid it shows); -ENOENT if this namespace has no
 * such socket at all; another -errno if the kernel cannot be asked.
 */
_must_check_ int access_owner(int fd, uid_t *ret);
