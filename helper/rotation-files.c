/* SPDX-License-Identifier: Apache-2.0 */
/* Files, step by step, each step's failure told. No secrets pass here that are not sealed. */

#include "rotation-files.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "paths.h"
#include "text.h"

#define FOLDER_MODE 0700
#define FILE_MODE 0600

#define TEMPORARY_SIZE (ROTATION_NAME_SIZE + sizeof(ROTATION_NEW) - 1)

int rotation_folder(const char *override, char **ret)
{
	const char *given = override ? override : getenv("STATE_DIRECTORY");
	const char *home = getenv("HOME");
	char *path;

	if (given && *given) {
		if (given[0] != '/')
			return -EINVAL;
		path = strdup(given);
	} else if (path_is_system_user() || !home || home[0] != '/') {
		path = strdup("/var/lib/maildest-helper");
	} else {
		path = text_format("%s/.local/state/maildest", home);
	}
	if (!path)
		return -ENOMEM;
	*ret = path;
	return 0;
}

/* Whether nobody but us and root can put anything there. */
static bool is_ours(int folder)
{
	struct stat st;

	return fstat(folder, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0) &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int rotation_open_folder(const char *folder)
{
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return is_ours(fd) ? TAKE_FD(fd) : -EPERM;
}

/* The entry of a folder that has just been made. 0 or -errno. */
static int sync_parent(const char *path, const char *end)
{
	_cleanup_free_ char *parent =
	    strndup(path, end > path ? (size_t)(end - path) : 1);
	_cleanup_close_ int fd = -1;

	if (!parent)
		return -ENOMEM;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Makes a folder and those above it: 0 or -errno. */
static int make_folder(const char *folder)
{
	_cleanup_free_ char *path = strdup(folder);
	int r;

	if (!path)
		return -ENOMEM;
	for (char *end = path; end;) {
		char *start = end + 1;

		end = strchr(start, '/');
		if (end)
			*end = '\0';
		if (*start && mkdir(path, FOLDER_MODE) == 0) {
			r = sync_parent(path, start - 1);
			if (r < 0)
				return r;
		} else if (*start && errno != EEXIST) {
			return -errno;
		}
		if (end)
			*end = '/';
	}
	return 0;
}

/* The folder's descriptor, made if it is not there, or -errno. */
static int open_or_make_folder(const char *folder)
{
	int fd = rotation_open_folder(folder), r;

	if (fd != -ENOENT)
		return fd;
	r = make_folder(folder);
	return r < 0 ? r : rotation_open_folder(folder);
}

static int write_all(int fd, const char *bytes, size_t n)
{
	ssize_t written;

	while (n > 0) {
		written = write(fd, bytes, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		n -= (size_t)written;
	}
	return 0;
}

/* A new file with these bytes, on the disk when this returns 0; else -errno. */
static int write_temporary(int folder, const char *temporary, const struct secret *bytes)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlinkat(folder, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(folder, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes->data, bytes->len);
	if (r < 0)
		return r;
	if (fsync(fd) < 0)
		return -errno;
	return close(TAKE_FD(fd)) < 0 ? -errno : 0; /* some file systems tell only now */
}

static int replace(int folder, const char *temporary, const char *name)
{
	if (renameat(folder, temporary, folder, name) < 0)
		return -errno;
	return fsync(folder) < 0 ? -errno : 0;
}

bool rotation_exists(const char *folder, const char *name)
{
	_cleanup_close_ int fd = rotation_open_folder(folder);
	struct stat st;

	return fd >= 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int rotation_write(const char *folder, const char *name, const struct secret *bytes)
{
	char temporary[TEMPORARY_SIZE];
	_cleanup_close_ int fd = open_or_make_folder(folder);
	int r;

	if (fd < 0)
		return fd;
	if ((size_t)snprintf(temporary, sizeof(temporary), "%s" ROTATION_NEW, name) >=
	    sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_temporary(fd, temporary, bytes);
	if (r == 0)
		r = replace(fd, temporary, name);
	if (r < 0)
		(void)unlinkat(fd, temporary, 0); /* or the next writer does */
	return r;
}

/* Reads to the end: 0, -EFBIG beyond `max` bytes, -errno. */
static int read_all(int fd, size_t max, struct secret *ret)
{
	ssize_t n;
	int r;

	for (;;) {
		r = secret_reserve(ret, max + 1 - ret->len);
		if (r < 0)
			return r;
		n = read(fd, ret->data + ret->len, max + 1 - ret->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (ret->len > max)
			return -EFBIG;
	}
}

int rotation_read(const char *folder, const char *name, struct secret *ret)
{
	_cleanup_close_ int folder_fd = rotation_open_folder(folder), fd = -1;
	struct stat st;

	if (folder_fd < 0)
		return folder_fd;
	fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -EFBIG : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EFBIG;
	return read_all(fd, ROTATION_SIZE_MAX, ret);
}

void rotation_touch(const char *folder, const char *name, time_t now)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = now}};
	_cleanup_close_ int fd = rotation_open_folder(folder);
	struct stat st;

	if (fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    now < st.st_mtime + ROTATION_TOUCH_SEC)
		return;
	(void)utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW); /* the next use notes it */
}

void rotation_remove(const char *folder, const char *name)
{
	_cleanup_close_ int fd = rotation_open_folder(folder);

	if (fd >= 0 && unlinkat(fd, name, 0) == 0)
		(void)fsync(fd); /* one that comes back refuses its code, no more */
}
