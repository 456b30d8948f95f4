/* SPDX-License-Identifier: Apache-2.0 */
#include "install.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reason.h"
#include "text.h"

static int complain(
    const struct config *c, const struct install *i, int error, char **ret_why)
{
	return reason_set(ret_why, error, "%s/%s%s%s: %s", c->path,
	    i->folder ? i->folder : "", i->folder ? "/" : "", i->file, strerror(-error));
}

int install_look(const struct config *c, struct install *i, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = config_read(c, i->folder, i->file, "", CONFIG_FILE_MAX, &f, &why);
	if (r == -ENOENT) {
		i->state = INSTALL_NEW;
		return 0;
	}
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	i->state = f.text.len == i->text->len &&
			   memcmp(secret_str(&f.text), i->text->data, i->text->len) == 0
		       ? INSTALL_SAME
		       : INSTALL_DIFFERENT;
	return 0;
}

static int write_all(int fd, const struct secret *text)
{
	size_t at = 0;

	while (at < text->len) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			at += (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Readers are the group's; by hand the file is who calls's alone. */
static int set_rights(int fd, const char *group)
{
	const struct group *g = geteuid() == 0 ? getgrnam(group) : NULL;

	if (g && fchown(fd, 0, g->gr_gid) < 0)
		return -errno;
	return fchmod(fd, 0640) < 0 ? -errno : 0;
}

static int open_folder(const struct config *c, const struct install *i)
{
	const char *folder = i->folder ? i->folder : ".";
	const struct group *g = geteuid() == 0 ? getgrnam(i->group) : NULL;
	int fd;

	if (mkdirat(c->fd, folder, 0750) == 0 && g &&
	    fchownat(c->fd, folder, 0, g->gr_gid, 0) < 0)
		return -errno;
	fd = openat(c->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_new(int folder, const char *name, const struct install *i)
{
	_cleanup_close_ int fd = -1;
	int r;

	/* what an interrupted call has left is of no use */
	(void)unlinkat(folder, name, 0); /* mostly there is none */
	fd = openat(
	    folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : write_all(fd, i->text);
	return r < 0 ? r : set_rights(fd, i->group);
}

int install_write(const struct config *c, const struct install *i, char **ret_why)
{
	_cleanup_close_ int folder = -1;
	_cleanup_free_ char *name = NULL;
	int r;

	folder = open_folder(c, i);
	if (folder < 0)
		return complain(c, i, folder, ret_why);
	name = text_format(".%s.new", i->file);
	if (!name)
		return -ENOMEM;
	r = write_new(folder, name, i);
	if (r == 0 && renameat(folder, name, folder, i->file) < 0)
		r = -errno;
	if (r == 0 && fsync(folder) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(folder, name, 0); /* there may be none */
		return complain(c, i, r, ret_why);
	}
	return 0;
}

int install_remove(const struct config *c, const struct install *i, char **ret_why)
{
	_cleanup_close_ int folder = open_folder(c, i);
	int r = folder < 0 ? folder : 0;

	if (r == 0 && (unlinkat(folder, i->file, 0) < 0 || fsync(folder) < 0))
		r = -errno;
	return r < 0 ? complain(c, i, r, ret_why) : 0;
}
