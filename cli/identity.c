/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reason.h"

#define USER "maildest"
#define SYSTEMS_FOLDER "/etc/maildest"

static const char *chosen_folder(const struct cli *c)
{
	const char *path = c->config_dir ? c->config_dir : getenv("MAILDEST_CONFIG_DIR");

	return path && *path ? path : NULL;
}

bool identity_is_elsewhere(const struct cli *c)
{
	const char *path = chosen_folder(c);

	return path && strcmp(path, SYSTEMS_FOLDER) != 0;
}

bool identity_is_systems(const struct cli *c)
{
	return geteuid() == 0 && !identity_is_elsewhere(c);
}

int identity_become_service(const struct cli *c, char **ret_why)
{
	const struct passwd *user;

	if (!identity_is_systems(c))
		return 0;
	errno = 0;
	user = getpwnam(USER);
	if (!user)
		return reason_set(ret_why, errno ? -errno : -ESRCH,
		    "there is no user " USER " (systemd-sysusers makes it; --as-is does "
		    "without)");
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return reason_set(
		    ret_why, -errno, "cannot become user " USER ": %s", strerror(errno));
	return 1;
}

static int refuse(const char *path, char **ret_why)
{
	return reason_set(ret_why, -EPERM,
	    "%s: may not be read by the user this runs as; root may", path);
}

int identity_open_config(const struct cli *c, struct config *ret, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	int r = config_open(&config, c->config_dir, &why);

	if (r == -EACCES)
		return refuse(
		    chosen_folder(c) ? chosen_folder(c) : SYSTEMS_FOLDER, ret_why);
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	if (faccessat(config.fd, ".", R_OK | X_OK, 0) < 0 && errno == EACCES)
		return refuse(config.path, ret_why);
	*ret = config;
	config = (struct config)CONFIG_INIT;
	return 0;
}
