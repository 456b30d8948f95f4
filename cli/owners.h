/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which process has which socket. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "macro.h"

#define OWNER_NAME_MAX 32

struct owner {
	ino_t inode;
	pid_t pid;
	bool is_systemds;	   /* it runs systemd's program, or systemd's executor */
	char name[OWNER_NAME_MAX]; /* /proc/PID/comm, control characters as '?' */
};

/*
 * Sorted by inode; of several owners of one, systemd (1) is the last but for what it has
 * just forked.
 */
struct owners {
	struct owner *list; /* owned */
	size_t n;
};

/* Those that we may see: 0, or -errno of reading /proc. */
_must_check_ int owners_read(struct owners *ret);
void owners_done(struct owners *o);
#define _cleanup_owners_ _cleanup_(owners_done)

/* The first of a socket's owners, or NULL. */
const struct owner *owners_find(const struct owners *o, ino_t inode);
