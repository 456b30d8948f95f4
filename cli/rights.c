/* SPDX-License-Identifier: Apache-2.0 */
#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "identity.h"
#include "reason.h"

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

static bool may_read(const struct passwd *user, const struct stat *st)
{
	if (st->st_uid == user->pw_uid)
		return st->st_mode & S_IRUSR;
	if (has_group(user, st->st_gid))
		return st->st_mode & S_IRGRP;
	return st->st_mode & S_IROTH;
}

int rights_check(const struct cli *cli, const struct config *c, const char *user,
    const char *folder, const char *file, char **ret_why)
{
	const struct passwd *entry;
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (!identity_is_systems(cli) || !(entry = getpwnam(user)))
		return 0;
	if (asprintf(&path, "%s%s%s", folder ? folder : "", folder ? "/" : "", file) <
	    0) {
		path = NULL;
		return -ENOMEM;
	}
	if (fstatat(c->fd, path, &st, 0) < 0 || may_read(entry, &st))
		return 0; /* what is not there is another check's to say */
	return reason_set(ret_why, -EPERM,
	    "%s/%s: user %s may not read it: chgrp %s it and chmod 0640 it", c->path,
	    path, user, user);
}
