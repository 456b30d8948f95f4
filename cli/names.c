/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "reason.h"

#define SUFFIX ".json"

void names_done(struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->list[i].text);
	free(n->list);
	*n = (struct names){0};
}

static void close_folder(DIR **d)
{
	if (*d)
		(void)closedir(*d); /* nothing was written */
}

static bool is_folder(DIR *d, const char *name)
{
	struct stat st;

	return fstatat(dirfd(d), name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static int add(struct names *n, DIR *d, const char *text)
{
	struct name *list = reallocarray(n->list, n->n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	n->list = list;
	list[n->n] = (struct name){strdup(text), is_folder(d, text)};
	return list[n->n].text ? (n->n++, 0) : -ENOMEM;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

int names_read(
    const struct config *c, const char *folder, struct names *ret, char **ret_why)
{
	_cleanup_names_ struct names n = {0};
	_cleanup_(close_folder) DIR *d = NULL;
	const struct dirent *entry;
	int fd = openat(c->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d && fd < 0 && errno == ENOENT)
		return 0;
	if (!d) {
		int r = reason_set(ret_why, -errno, "%s/%s: %s", c->path, folder,
		    errno == EACCES ? "may not be read by the user this runs as"
				    : strerror(errno));

		if (fd >= 0)
			(void)close(fd); /* nothing was written */
		return r;
	}
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && add(&n, d, entry->d_name) < 0)
			return -ENOMEM;
	if (n.n > 0)
		qsort(n.list, n.n, sizeof(*n.list), compare);
	*ret = n;
	n = (struct names){0};
	return 0;
}

int names_strip_json(const char *file, char **ret)
{
	size_t n = strlen(file), suffix = strlen(SUFFIX);

	if (n <= suffix || strcmp(file + n - suffix, SUFFIX) != 0)
		return 0;
	*ret = strndup(file, n - suffix);
	return *ret ? 1 : -ENOMEM;
}
