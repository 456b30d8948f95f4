/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The user database (nsswitch.conf(5)): its users, its groups, and who is in which. What it
 * asks may be a server: no call has a deadline.
 */

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "macro.h"

/* A user's or a group's entry, whichever was looked for, with the memory that it needs. */
struct access_entry {
	char *buffer; /* owned; what the entry points into */
	struct passwd user;
	struct group group;
};

/* Frees what it has; takes one that is all zeroes. */
void access_entry_done(struct access_entry *e);
#define _cleanup_access_entry_ _cleanup_(access_entry_done)

/*
 * Into an entry that is all zeroes, and has memory to be freed whatever comes of it: 0;
 * -ENOENT if there is none; -errno.
 */
_must_check_ int access_users_find(uid_t uid, struct access_entry *e);
_must_check_ int access_users_find_group(const char *name, struct access_entry *e);

/* Whether a user is in a group, both as they were found: 1, 0 or -errno. */
_must_check_ int access_users_is_member(
    const struct passwd *user, const struct group *group);

/* Whether a group is one of `n`. */
bool access_users_is_among(const gid_t *groups, size_t n, gid_t group);
