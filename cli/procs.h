/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* maildest's own processes on this host, as /proc shows them. */

#include <stdbool.h>
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
	bool is_elsewhere; /* in another network namespace; false if that is not told */
	char *command;	   /* its arguments, blanks between; printable; owned; foreign */
	uint64_t age_usec; /* since it was started */
	uint64_t cpu_usec; /* that it has used, user and system */
	/* bytes; its share of what others have too, where that is told */
	uint64_t memory;
	ino_t *sockets; /* in the order of descriptors; owned */
	size_t n_sockets;
};

struct procs {
	struct proc *list; /* owned */
	size_t n;
};

#define PROCS_UIDS_MAX 4

/* As whom our programs run: root, maildest, maildest-helper, and who asks. Returns how many. */
size_t procs_uids(uid_t ret[PROCS_UIDS_MAX]);

/* Whether a process runs a program of ours as one of these users. */
bool procs_is_ours(pid_t pid);

/* Those that end meanwhile are left out. 0, or -errno. */
_must_check_ int procs_read(struct procs *ret);
void procs_done(struct procs *p);
#define _cleanup_procs_ _cleanup_(procs_done)
