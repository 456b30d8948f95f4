/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* maildest's own processes on this host, as /proc shows them. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "macro.h"

enum proc_kind {
	PROC_HANDLER,
	PROC_HELPER,
};

struct proc {
	pid_t pid;
	enum proc_kind kind;
	char *command;	   /* its arguments, blanks between; owned; foreign */
	uint64_t age_usec; /* since it was started */
	uint64_t cpu_usec; /* that it has used, user and system */
	uint64_t
	    memory;	/* bytes; its share of what others have too, where that is told */
	ino_t *sockets; /* in the order of descriptors; owned */
	size_t n_sockets;
};

struct procs {
	struct proc *list; /* owned */
	size_t n;
};

/* Those that end meanwhile are left out. 0, or -errno. */
_must_check_ int procs_read(struct procs *ret);
void procs_done(struct procs *p);
#define _cleanup_procs_ _cleanup_(procs_done)
