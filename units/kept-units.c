/* SPDX-License-Identifier: Apache-2.0 */
#include "kept-units.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>

#include "deadline.h"
#include "owner.h"
#include "unit-files.h"

#define KEPT "units"
#define DRAFT ".units"
#define PAUSE_MSEC 20

static int open_folder(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* One that nobody else could have written to. */
static int open_own_folder(int parent, const char *name)
{
	_cleanup_close_ int fd = open_folder(parent, name);
	_cleanup_free_ char *why = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = owner_check(&st, name, &why);
	return r < 0 ? r : TAKE_FD(fd);
}

int kept_units_open(void)
{
	return open_own_folder(AT_FDCWD, KEPT_UNITS_PARENT);
}

int kept_units_open_last(int parent)
{
	return open_own_folder(parent, KEPT);
}

typedef int (*visitor)(int from, int to, const char *name);

/* Calls it for each entry of `from`: 0, or what it returned that is not. */
static int visit(int from, int to, visitor what)
{
	int fd = open_folder(from, "."), r = 0;
	const struct dirent *d;
	DIR *folder;

	if (fd < 0)
		return fd;
	folder = fdopendir(fd);
	if (!folder) {
		(void)close(fd); /* nothing was written */
		return -ENOMEM;
	}
	while (r == 0 && (errno = 0, d = readdir(folder)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = what(from, to, d->d_name);
	if (r == 0)
		r = -errno;
	(void)closedir(folder); /* it was only read */
	return r;
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_file(int from, int to, const char *name, off_t size)
{
	_cleanup_close_ int source =
	    openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int copy = -1;

	if (source < 0)
		return -errno;
	copy =
	    openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (copy < 0)
		return -errno;
	while (size > 0) {
		ssize_t n = sendfile(copy, source, NULL, (size_t)size);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		size -= n;
	}
	return 0;
}

static int copy_entry(int from, int to, const char *name);

static int copy_folder(int from, int to, const char *name, visitor what)
{
	_cleanup_close_ int source = -1, copy = -1;

	/* what sockets.target wants is other generators' folder too, and they run beside us */
	if (mkdirat(to, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	source = open_folder(from, name);
	copy = source < 0 ? source : open_folder(to, name);
	return copy < 0 ? copy : visit(source, copy, what);
}

static int copy_entry(int from, int to, const char *name)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name);
	if (S_ISDIR(st.st_mode))
		return copy_folder(from, to, name, copy_entry);
	return copy_file(from, to, name, st.st_size);
}

/* Other generators write to systemd's folder too. */
static int copy_own_entry(int from, int to, const char *name)
{
	if (strcmp(name, UNIT_WANTS) == 0)
		return copy_folder(from, to, name, copy_own_entry);
	return unit_is_generated(name) ? copy_entry(from, to, name) : 0;
}

int kept_units_copy(int from, int to)
{
	return visit(from, to, copy_own_entry);
}

/*
 * -EXDEV for a link to what is not there, -EAGAIN if it is a template of this version.
 * `to` is not used.
 */
static int look_at_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n <= 0 || target[0] != '/')
		return 0; /* no link, or one within the folder */
	target[n] = '\0';
	if (faccessat(to, target, F_OK, 0) == 0)
		return 0;
	return unit_is_template(target) ? -EAGAIN : -EXDEV;
}

bool kept_units_are_of_this_host(int kept, uint64_t deadline)
{
	int r = visit(kept, AT_FDCWD, look_at_link);

	while (r == -EAGAIN && deadline_now() < deadline) {
		(void)poll(NULL, 0, PAUSE_MSEC); /* shorter does no harm */
		r = visit(kept, AT_FDCWD, look_at_link);
	}
	return r != -EXDEV;
}

/* Removes what is there, folders with what they hold. `to` is not used. */
static int remove_entry(int from, int to, const char *name)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlinkat(from, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	fd = open_folder(from, name);
	r = fd < 0 ? fd : visit(fd, to, remove_entry);
	return r == 0 && unlinkat(from, name, AT_REMOVEDIR) < 0 ? -errno : r;
}

int kept_units_draft(int parent)
{
	int r = remove_entry(parent, -1, DRAFT);

	if (r < 0)
		return r;
	if (mkdirat(parent, DRAFT, 0755) < 0)
		return -errno;
	return open_folder(parent, DRAFT);
}

int kept_units_accept(int parent)
{
	if (renameat2(parent, DRAFT, parent, KEPT, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	/* the first one has nothing to change places with */
	return renameat(parent, DRAFT, parent, KEPT) < 0 ? -errno : 0;
}

void kept_units_forget(int parent)
{
	(void)remove_entry(parent, -1, DRAFT); /* the next draft removes it otherwise */
}
