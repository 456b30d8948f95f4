/* SPDX-License-Identifier: Apache-2.0 */
/* The one path that handler and helper must agree on, and the rule for all others. */

#include "paths.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "text.h"

#define FIRST_HUMAN_UID 1000

bool path_is_system_user(void)
{
	return geteuid() < FIRST_HUMAN_UID;
}

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
	if (path_is_system_user())
		return copy_path("/run/maildest/helper.sock", ret);

	path = text_format("/run/user/%u/maildest/helper.sock", (unsigned)geteuid());
	if (!path)
		return -ENOMEM;
	*ret = path;
	return 0;
}
