/* SPDX-License-Identifier: Apache-2.0 */
/* Files of .state/ are replaced whole: written beside, synced, renamed, and the folder synced. */

#include "service-state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "reason.h"
#include "text.h"

/* A folder below another, made if it is not there: a descriptor or -errno. */
static int open_folder(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int replace(int folder, const char *name, const char *text, size_t len)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *draft = NULL;
	int r;

	draft = text_format(".%s.new", name);
	if (!draft)
		return -ENOMEM;
	if (unlinkat(folder, draft, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(
	    folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, len);
	if (r == 0 && renameat(folder, draft, folder, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(folder, draft, 0); /* the failure is said already */
	else if (fsync(folder) < 0)
		r = -errno;
	return r;
}

static int write_below(
    const struct config *c, const char *file, const char *text, size_t len)
{
	_cleanup_close_ int top = open_folder(c->fd, STATE_FOLDER), inner = -1;
	const char *slash = strchr(file, '/');
	char folder[64];

	if (top < 0)
		return top;
	if (!slash)
		return replace(top, file, text, len);
	if ((size_t)(slash - file) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, file, (size_t)(slash - file));
	folder[slash - file] = '\0';
	inner = open_folder(top, folder);
	return inner < 0 ? inner : replace(inner, slash + 1, text, len);
}

int service_state_write(const struct config *c, const char *file, const char *text,
    size_t len, char **ret_why)
{
	int r = write_below(c, file, text, len);

	return r < 0 && r != -ENOMEM
		   ? reason_set(ret_why, r, "%s/" STATE_FOLDER "/%s: %s", c->path, file,
			 strerror(-r))
		   : r;
}

int state_table_write(
    const struct config *c, const char *file, const struct state_table *t, char **ret_why)
{
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_puts(&text, "# written by maildest; do not edit\n");
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = secret_printf(&text, "%s %s\n", t->rows[i].name, t->rows[i].value);
	return r < 0 ? r : service_state_write(c, file, text.data, text.len, ret_why);
}
