/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#include <string.h>
#include <sys/stat.h>

#include "services.h"

/* The kernel lists a socket by its path for as long as it is open, though the file is gone. */
static bool is_open_path(const struct sockets_seen *s, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].is_listening && s->list[i].path &&
		    strcmp(s->list[i].path, path) == 0)
			return true;
	return false;
}

static bool is_open_port(const struct sockets_seen *s, const struct endpoint *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].is_listening && !s->list[i].is_unix &&
		    s->list[i].local.port == e->port &&
		    address_equal(&s->list[i].local.address, &e->address))
			return true;
	return false;
}

bool place_is_open(const struct sockets_seen *s, const char *address)
{
	_cleanup_free_ char *why = NULL;
	struct endpoint e;

	if (address[0] == '/')
		return is_open_path(s, address);
	return endpoint_parse(address, &e, &why) < 0 || is_open_port(s, &e);
}

bool place_of_service_is_open(
    const struct sockets_seen *s, const struct service_unit *service)
{
	return is_open_port(s, &service->endpoint) && is_open_path(s, service->socket);
}
