/* SPDX-License-Identifier: Apache-2.0 */
/* Entries are asked for with ever more room: a group's may have many members. */

#include "access-users.h"

#include <errno.h>
#include <string.h>

#define ENTRY_SIZE ((size_t)4096)
#define ENTRY_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define GROUPS_MAX 65536

void access_entry_done(struct access_entry *e)
{
	free(e->buffer);
}

static int look_up(
    struct access_entry *e, const char *group, uid_t uid, char *buffer, size_t n)
{
	struct passwd *user = NULL;
	struct group *found = NULL;
	int error;

	if (group) {
		error = getgrnam_r(group, &e->group, buffer, n, &found);
		return error ? -error : (found ? 0 : -ENOENT);
	}
	error = getpwuid_r(uid, &e->user, buffer, n, &user);
	return error ? -error : (user ? 0 : -ENOENT);
}

/* The group of that name, or without one the user of that number: 0, -ENOENT or -errno. */
static int find(struct access_entry *e, const char *group, uid_t uid)
{
	int r = -ERANGE;

	for (size_t n = ENTRY_SIZE; r == -ERANGE && n <= ENTRY_SIZE_MAX; n *= 4) {
		char *more = realloc(e->buffer, n);

		if (!more)
			return -ENOMEM;
		e->buffer = more;
		r = look_up(e, group, uid, more, n);
	}
	return r;
}

int access_users_find(uid_t uid, struct access_entry *e)
{
	return find(e, NULL, uid);
}

int access_users_find_group(const char *name, struct access_entry *e)
{
	return find(e, name, 0);
}

bool access_users_is_among(const gid_t *groups, size_t n, gid_t group)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool is_listed(const struct passwd *user, const struct group *group)
{
	for (char **name = group->gr_mem; name && *name; name++)
		if (strcmp(*name, user->pw_name) == 0)
			return true;
	return false;
}

/*
 * Most members are in the two entries at hand; where they are not, all groups have to be
 * gone through.
 */
int access_users_is_member(const struct passwd *user, const struct group *group)
{
	int n = 64, r = -1;

	if (user->pw_gid == group->gr_gid || is_listed(user, group))
		return 1;

	while (r < 0 && n <= GROUPS_MAX) {
		int room = n;
		_cleanup_free_ gid_t *groups = calloc((size_t)room, sizeof(*groups));

		if (!groups)
			return -ENOMEM;
		r = getgrouplist(user->pw_name, user->pw_gid, groups, &n);
		if (r >= 0)
			return access_users_is_among(groups, (size_t)r, group->gr_gid);
		n = MAX_OF(n, room * 2);
	}
	return -E2BIG;
}
