/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The processes of sessions: ours, and those that an earlier process of the same service
 * left behind (KillMode=process), which count as well.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "macro.h"

struct child {
	pid_t pid;
	unsigned service; /* the caller's number for it */
};

struct children {
	struct child *list; /* owned */
	size_t n, max;
	int *left_over; /* pidfds, owned; -1 where one has ended */
	size_t n_left_over, left_over_size;
};

/* Makes room for `max` children at once. 0 or -ENOMEM. */
_must_check_ int children_init(struct children *c, size_t max);
void children_done(struct children *c);

/*
 * Finds the processes left over in our control group, which must be the service's own:
 * c->left_over gets a pidfd for each, at most `max` of children_init(), to be watched for
 * POLLIN and told to children_end_left_over(). A host without control groups has none. 0,
 * or -errno if some of them will not be counted.
 */
_must_check_ int children_find_left_over(struct children *c);
void children_end_left_over(struct children *c, size_t i);

/* All that count against the limit. */
size_t children_count(const struct children *c);

/* There must be room: children_count() < max. */
void children_add(struct children *c, pid_t pid, unsigned service);

/* How a child ended. */
struct child_end {
	pid_t pid;
	unsigned service;
	int status; /* as waitpid(2) gives it */
};

/* Takes a child that has ended: true, with *ret; false if there is none now. */
bool children_reap(struct children *c, struct child_end *ret);
