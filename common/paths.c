/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one path that handler and helper must agree on. The rule for users is the one of
 * the configuration folder (config.c): root and system users share the system's place.
 */

#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Users below this uid are the system's (systemd's SYSTEM_UID_MAX + 1). */
#define FIRST_HUMAN_UID 1000

static int copy_path(const char *path, char **ret)
{
	char *copy;

	if (path[0] != '/')
		return -EINVAL;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;

	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int path_helper_socket(const char *override, char **ret)
{
	const char *environment = getenv("MAILDEST_HELPER_SOCKET");
	char *path;

	if (override)
		return copy_path(override, ret);
	if (environment && *environment)
		return copy_path(environment, ret);
	if (geteuid() < FIRST_HUMAN_UID)
		return copy_path("/run/maildest/helper.sock", ret);

	if (asprintf(&path, "/run/user/%u/maildest/helper.sock", (unsigned)geteuid()) < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}
