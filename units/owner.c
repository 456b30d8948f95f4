/* SPDX-License-Identifier: Apache-2.0 */
/* Units run what they say as root's word; so only root's files may say it. */

#include "owner.h"

#include <errno.h>

#include "reason.h"

int owner_check(const struct stat *st, const char *path, char **ret_why)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return reason_set(
		    ret_why, -EPERM, "%s: is not root's, and ignored", path);
	if (st->st_mode & S_IWOTH)
		return reason_set(ret_why, -EPERM,
		    "%s: others may write to it, so it is ignored: chmod o-w it", path);
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0 && st->st_gid != getegid())
		return reason_set(ret_why, -EPERM,
		    "%s: its group may write to it, so it is ignored: chmod g-w it",
		    path);
	return 0;
}

int owner_read(const struct config *c, const char *folder, const char *name, size_t max,
    struct config_file *ret, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	int r;

	r = config_read(c, folder, name, "", max, &f, ret_why);
	if (r < 0)
		return r;
	r = owner_check(&f.st, f.path, ret_why);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct config_file){0};
	return 0;
}
