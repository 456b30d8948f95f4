/* SPDX-License-Identifier: Apache-2.0 */
/* The services' file: strict, since whoever writes it is a program. */

#include "service-file.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "reason.h"

/* Some hundred lines are usual; this is 2000 long ones. */
#define FILE_MAX ((size_t)4 * 1024 * 1024)
#define PLACES_MAX 16

static void entry_done(struct service_entry *e)
{
	free(e->line);
	free(e->places);
}

void service_file_done(struct service_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		entry_done(&f->list[i]);
	free(f->list);
	*f = (struct service_file){0};
}

/* "--name=value" or "--name": changed in place. */
static int take_option(struct service *s, char *word, char **ret_why)
{
	char *value = strchr(word, '=');
	int r;

	if (strncmp(word, "--", 2) != 0)
		return reason_set(
		    ret_why, -EINVAL, "'--' must stand before the destination");
	if (value)
		*value++ = '\0';
	r = service_take_option(s, word + 2, value, ret_why);
	return r == -ENOENT ? reason_set(ret_why, -EINVAL, "there is no such option") : r;
}

/* Options, up to "--": 0 and *rest behind it. */
static int take_options(struct service *s, char **rest, char **ret_why)
{
	char *word;
	int r;

	while ((word = strsep(rest, " "))) {
		if (strcmp(word, "--") == 0)
			return 0;
		r = take_option(s, word, ret_why);
		if (r < 0)
			return r;
	}
	return reason_set(ret_why, -EINVAL, "has no destination");
}

static int take_places(struct service_entry *e, char *rest, char **ret_why)
{
	char *word;

	e->places = calloc(PLACES_MAX, sizeof(*e->places));
	if (!e->places)
		return -ENOMEM;
	while ((word = strsep(&rest, " "))) {
		if (!*word || e->n_places == PLACES_MAX)
			return reason_set(
			    ret_why, -EINVAL, "has no good list of addresses");
		e->places[e->n_places++] = word;
	}
	return e->n_places > 0 ? 0 : reason_set(ret_why, -EINVAL, "listens nowhere");
}

/* Fills the entry, also on failure. */
static int parse_line(struct service_entry *e, const char *line, char **ret_why)
{
	char *rest;
	int r;

	rest = e->line = strdup(line);
	if (!e->line)
		return -ENOMEM;
	r = take_options(&e->service, &rest, ret_why);
	if (r < 0)
		return r;
	e->service.destination = strsep(&rest, " ");
	if (!e->service.destination || !config_name_is_valid(e->service.destination))
		return reason_set(ret_why, -EINVAL, "has no good destination");
	r = service_check(&e->service, ret_why);
	return r < 0 ? r : take_places(e, rest, ret_why);
}

static int add_line(struct service_file *f, const char *line, char **ret_why)
{
	struct service_entry *more;

	if (!*line || *line == '#')
		return 0;
	more = reallocarray(f->list, f->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->list = more;
	more[f->n] = (struct service_entry){0};
	return parse_line(&more[f->n++], line, ret_why);
}

static int check_owner(const struct config_file *file, char **ret_why)
{
	if ((file->st.st_uid == 0 || file->st.st_uid == geteuid()) &&
	    !(file->st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return reason_set(ret_why, -EPERM,
	    "%s: others than root and the user this runs as can write to it", file->path);
}

int service_file_read(const char *path, struct service_file *ret, char **ret_why)
{
	_cleanup_service_file_ struct service_file f = {0};
	_cleanup_config_file_ struct config_file file = {0};
	unsigned number = 0;
	char *rest, *line;
	int r;

	r = config_read_path(path, FILE_MAX, &file, ret_why);
	if (r == 0)
		r = check_owner(&file, ret_why);
	if (r < 0)
		return r;
	f.st = file.st;
	rest = file.text.data;
	while ((line = strsep(&rest, "\n"))) {
		_cleanup_free_ char *why = NULL;

		number++;
		r = add_line(&f, line, &why);
		if (r < 0)
			return reason_set(ret_why, r, "%s: line %u: %s", path, number,
			    why ? why : strerror(-r));
	}
	*ret = f;
	f = (struct service_file){0};
	return 0;
}

bool service_file_is_stale(const struct service_file *f, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false; /* it is being replaced */
	return st.st_ino != f->st.st_ino || st.st_dev != f->st.st_dev ||
	       st.st_size != f->st.st_size || st.st_mtim.tv_sec != f->st.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != f->st.st_mtim.tv_nsec;
}

static char *place_of_address(const struct sockaddr_storage *storage)
{
	const struct sockaddr_in6 *in6 = (const void *)storage;
	const struct sockaddr_in *in = (const void *)storage;
	struct endpoint e = {.address.family = storage->ss_family};
	char text[NETWORK_TEXT_MAX];

	if (storage->ss_family == AF_INET) {
		memcpy(e.address.bytes, &in->sin_addr, sizeof(in->sin_addr));
		e.port = ntohs(in->sin_port);
	} else {
		memcpy(e.address.bytes, &in6->sin6_addr, sizeof(in6->sin6_addr));
		e.port = ntohs(in6->sin6_port);
	}
	endpoint_format(&e, text);
	return strdup(text);
}

char *service_place(int fd)
{
	struct sockaddr_storage storage = {0};
	const struct sockaddr_un *un = (const void *)&storage;
	socklen_t len = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &len) < 0)
		return NULL;
	if (storage.ss_family == AF_INET || storage.ss_family == AF_INET6)
		return place_of_address(&storage);
	if (storage.ss_family != AF_UNIX ||
	    len <= offsetof(struct sockaddr_un, sun_path) || un->sun_path[0] == '\0')
		return NULL;
	return strndup(un->sun_path, len - offsetof(struct sockaddr_un, sun_path));
}

const struct service *service_file_find(const struct service_file *f, const char *place)
{
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->list[i].n_places; k++)
			if (strcmp(f->list[i].places[k], place) == 0)
				return &f->list[i].service;
	return NULL;
}
