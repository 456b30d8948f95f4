/* SPDX-License-Identifier: Apache-2.0 */
/* The folder gone through from end to end; what cannot be removed stays, and is tried again. */

#include "rotation-sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "rotation-files.h"

/* A record as its file tells it. */
struct found {
	char name[ROTATION_NAME_SIZE];
	bool has_token;
	time_t used_at;
};

/* Whether it is the name of a record, with `end` behind it. */
static bool is_name(const char *name, const char *end)
{
	size_t n = ROTATION_NAME_SIZE - 1;

	return strspn(name, "0123456789abcdef") == n && strcmp(name + n, end) == 0;
}

/* To go through a folder; NULL if there is none. */
static DIR *list(const char *folder)
{
	int fd = rotation_open_folder(folder);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		(void)close(fd); /* out of memory: there is no list */
	return d;
}

static void list_done(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}
#define _cleanup_list_ _cleanup_(list_done)

/* What there is of that name: false for nothing. */
static bool find(DIR *d, const char *name, struct found *ret)
{
	struct stat st;

	if (!is_name(name, "") || fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	memcpy(ret->name, name, sizeof(ret->name));
	ret->has_token = st.st_size > (off_t)ROTATION_OVERHEAD;
	ret->used_at = st.st_mtime;
	return true;
}

/* The next record; false at the end. */
static bool next(DIR *d, struct found *ret)
{
	struct dirent *e;

	while ((e = readdir(d)))
		if (find(d, e->d_name, ret))
			return true;
	return false;
}

void rotation_clean(const char *folder)
{
	_cleanup_list_ DIR *d = list(folder);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_name(e->d_name, ROTATION_NEW))
			(void)unlinkat(
			    dirfd(d), e->d_name, 0); /* or the next start does */
}

/* Counts a class; which of it was used longest ago. */
static unsigned count(DIR *d, bool has_token, struct found *ret)
{
	struct found f;
	unsigned n = 0;

	rewinddir(d);
	while (next(d, &f))
		if (f.has_token == has_token && (n++ == 0 || f.used_at < ret->used_at))
			*ret = f;
	return n;
}

unsigned rotation_make_room(const char *folder, const char *name, bool has_token)
{
	_cleanup_list_ DIR *d = list(folder);
	struct found f;
	unsigned lost = 0;

	if (!d || (find(d, name, &f) && f.has_token == has_token))
		return 0;
	while (count(d, has_token, &f) >= ROTATION_FILES_MAX) {
		if (unlinkat(dirfd(d), f.name, 0) < 0)
			break; /* a folder that cannot be written to grows no more either */
		lost += has_token;
	}
	return lost;
}

void rotation_sweep(const char *folder, time_t then)
{
	_cleanup_list_ DIR *d = list(folder);
	struct found f;

	while (d && next(d, &f))
		if (f.used_at < then)
			(void)unlinkat(dirfd(d), f.name, 0); /* or the next sweep does */
}

void rotation_renew(const char *folder, time_t then, time_t now)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = now}};
	_cleanup_list_ DIR *d = list(folder);
	struct found f;

	while (d && next(d, &f))
		if (f.used_at < then) /* without its owner's leave nothing is noted */
			(void)utimensat(dirfd(d), f.name, times, AT_SYMLINK_NOFOLLOW);
}
