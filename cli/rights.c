/* SPDX-License-Identifier: Apache-2.0 */
#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "identity.h"
#include "reason.h"
#include "text.h"

#define GROUPS_MAX 64

/* Whether a group is one of the user's. */
static bool has_group(const struct passwd *user, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
		n = GROUPS_MAX; /* as many as there was room for */
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* `others` is S_IROTH or S_IXOTH; the same bits count for owner and group. */
static bool may(const struct passwd *user, const struct stat *st, mode_t others)
{
	if (st->st_uid == user->pw_uid)
		return st->st_mode & (others << 6);
	if (has_group(user, st->st_gid))
		return st->st_mode & (others << 3);
	return st->st_mode & others;
}

/* Folders that are not there are another check's to say, here and below. */
static int check_folder(const struct config *c, const struct passwd *user,
    const char *path, const char *group, char **ret_why)
{
	bool is_top = strcmp(path, ".") == 0;
	struct stat st;

	if (fstatat(c->fd, path, &st, 0) < 0 || may(user, &st, S_IXOTH))
		return 0;
	return reason_set(ret_why, -EPERM,
	    "%s%s%s: user %s may not enter it: chgrp %s it and chmod 0750 it", c->path,
	    is_top ? "" : "/", is_top ? "" : path, user->pw_name, group);
}

/* Each folder on the way: the configuration, "destinations", "destinations/acme". */
static int check_folders(
    const struct config *c, const struct passwd *user, const char *folder, char **ret_why)
{
	_cleanup_free_ char *path = folder ? strdup(folder) : NULL;
	int r = folder && !path ? -ENOMEM : 0;

	if (r == 0)
		r = check_folder(c, user, ".", RIGHTS_HANDLER, ret_why);
	for (char *end = path; r == 0 && end;) {
		end = strchr(end, '/');
		if (end)
			*end = '\0';
		r = check_folder(c, user, path, user->pw_name, ret_why);
		if (end)
			*end++ = '/';
	}
	return r;
}

int rights_check(const struct cli *cli, const struct config *c, const char *user,
    const char *folder, const char *file, char **ret_why)
{
	const struct passwd *entry;
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	if (!identity_is_systems(cli) || !(entry = getpwnam(user)))
		return 0;
	path = text_format("%s%s%s", folder ? folder : "", folder ? "/" : "", file);
	if (!path)
		return -ENOMEM;
	if (fstatat(c->fd, path, &st, 0) < 0)
		return 0;
	r = check_folders(c, entry, folder, ret_why);
	if (r < 0 || may(entry, &st, S_IROTH))
		return r;
	return reason_set(ret_why, -EPERM,
	    "%s%s%s: user %s may not read it: chgrp %s it and chmod 0640 it",
	    *path == '/' ? "" : c->path, *path == '/' ? "" : "/", path, user, user);
}
