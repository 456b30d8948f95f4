/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Landlock (landlock(7)) by raw system calls: what a process gives up of the file system,
 * of TCP and of other processes, for itself and all that it forks, for good. Each kernel
 * keeps to what its version knows: TCP since 6.7, signals and abstract sockets since 6.12.
 */

#include <stdbool.h>
#include <stdint.h>

#include "macro.h"

/*
 * What is given up. Always: to change the file system in any way, to execute a file, to
 * bind a TCP socket to a port. Opened files and sockets stay what they are.
 */
struct landlock_walls {
	bool files;		     /* to read, but for files below `readable` */
	const char *const *readable; /* folders; NULL-terminated, or NULL for none */
	bool network;		     /* to connect by TCP, but to `port` */
	uint16_t port;		     /* 0: none */
	bool others; /* to signal other processes, or reach their abstract sockets */
};

/*
 * Gives it up; needs no_new_privs. A folder that is not there is left out. 0; -ENOSYS or
 * -EOPNOTSUPP if this kernel has no Landlock, or not switched on; another -errno (-EPERM,
 * say, where a container forbids the calls, -E2BIG after sixteen times).
 */
_must_check_ int landlock_restrict(const struct landlock_walls *walls);

/* Whether that would go: 0, or its -errno. */
_must_check_ int landlock_probe(void);
