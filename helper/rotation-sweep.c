/* SPDX-License-Identifier: Apache-2.0 */
/* The folder gone through from end to end; what cannot be removed stays, and is tried again. */

#include "rotation-sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
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
			/* or the next start does */
			(void)unlinkat(dirfd(d), e->d_name, 0);
}

static bool is_of_same_holder(const char *a, const char *b)
{
	return memcmp(a, b, ROTATION_HOLDER_LENGTH) == 0;
}

static int by_name(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* A class, by name; malloc'd. Without memory, as much of it as there was memory for. */
static struct found *collect(DIR *d, bool has_token, size_t *ret_n)
{
	struct found *all = NULL, *more, f;
	size_t n = 0, room = 0;

	while (next(d, &f)) {
		if (f.has_token != has_token)
			continue;
		if (n == room) {
			room = room ? 2 * room : ROTATION_FILES_MAX;
			more = reallocarray(all, room, sizeof(*all));
			if (!more)
				break;
			all = more;
		}
		all[n++] = f;
	}
	if (n > 0)
		qsort(all, n, sizeof(*all), by_name);
	*ret_n = n;
	return all;
}

/* Of whoever has most, the newcomer counted, what was used longest ago: its index. */
static size_t find_surplus(const struct found *all, size_t n, const char *newcomer)
{
	size_t found = 0, most = 0;

	for (size_t first = 0, end; first < n; first = end) {
		size_t oldest = first, has;

		for (end = first + 1;
		     end < n && is_of_same_holder(all[end].name, all[first].name); end++)
			if (all[end].used_at < all[oldest].used_at)
				oldest = end;
		has = end - first + is_of_same_holder(all[first].name, newcomer);
		if (has < most ||
		    (has == most && all[oldest].used_at >= all[found].used_at))
			continue;
		most = has;
		found = oldest;
	}
	return found;
}

unsigned rotation_make_room(const char *folder, const char *name, bool has_token)
{
	_cleanup_list_ DIR *d = list(folder);
	_cleanup_free_ struct found *all = NULL;
	struct found f;
	unsigned lost = 0;
	size_t n;

	if (!d || (find(d, name, &f) && f.has_token == has_token))
		return 0;
	all = collect(d, has_token, &n);
	for (size_t i; n >= ROTATION_FILES_MAX; n--) {
		i = find_surplus(all, n, name);
		if (unlinkat(dirfd(d), all[i].name, 0) < 0)
			break; /* a folder that cannot be written to grows no more either */
		memmove(all + i, all + i + 1, (n - i - 1) * sizeof(*all));
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
