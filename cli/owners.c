/* SPDX-License-Identifier: Apache-2.0 */
#include "owners.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void close_folder(DIR **d)
{
	if (*d)
		(void)closedir(*d); /* it was only read */
}
#define _cleanup_folder_ _cleanup_(close_folder)

static DIR *open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d && fd >= 0)
		(void)close(fd); /* as above */
	return d;
}

static void read_name(int process, char *ret)
{
	_cleanup_close_ int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, OWNER_NAME_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	for (; *ret; ret++)
		if ((unsigned char)*ret < 0x20 || (unsigned char)*ret >= 0x7f)
			*ret = '?';
}

void owners_done(struct owners *o)
{
	free(o->list);
	*o = (struct owners){0};
}

/* The program that a process runs, as a path; "" if we may not know. */
static void read_program(int process, char ret[PATH_MAX])
{
	ssize_t n = readlinkat(process, "exe", ret, PATH_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
}

static void read_program_of_systemd(int proc, char ret[PATH_MAX])
{
	_cleanup_close_ int process =
	    openat(proc, "1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = '\0';
	if (process >= 0)
		read_program(process, ret);
}

/*
 * What systemd has just forked has all of its sockets until it executes a program; since
 * 254 the first of these is its own executor.
 */
static bool is_systemds(int process, const char *systemd)
{
	char program[PATH_MAX];
	const char *slash;

	read_program(process, program);
	slash = strrchr(program, '/');
	return slash &&
	       (strcmp(program, systemd) == 0 || strcmp(slash, "/systemd-executor") == 0);
}

static int add(struct owners *o, const struct owner *owner)
{
	struct owner *list = o->list;

	/* doubled whenever full, which is at each power of two */
	if ((o->n & (o->n - 1)) == 0)
		list = reallocarray(o->list, o->n ? 2 * o->n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	o->list = list;
	list[o->n++] = *owner;
	return 0;
}

static int read_process(struct owners *o, int proc, const char *pid, const char *systemd)
{
	_cleanup_close_ int process =
	    openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_folder_ DIR *d = process < 0 ? NULL : open_folder(process, "fd");
	struct owner owner = {.pid = (pid_t)strtol(pid, NULL, 10)};
	const struct dirent *entry;
	int r = 0;

	if (!d)
		return 0; /* it has ended, or is not ours to look into */
	read_name(process, owner.name);
	owner.is_systemds = is_systemds(process, systemd);
	while (r == 0 && (entry = readdir(d))) {
		char text[64];
		ssize_t n = readlinkat(dirfd(d), entry->d_name, text, sizeof(text) - 1);
		uint64_t inode;

		text[n > 0 ? n : 0] = '\0';
		if (sscanf(text, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		owner.inode = (ino_t)inode;
		r = add(o, &owner);
	}
	return r;
}

/* Programs, systemd, what it has just forked. */
static int rank(const struct owner *o)
{
	return o->pid == 1 ? 1 : o->is_systemds ? 2 : 0;
}

static int compare(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return rank(x) - rank(y);
}

int owners_read(struct owners *ret)
{
	_cleanup_owners_ struct owners o = {0};
	_cleanup_folder_ DIR *d = opendir("/proc");
	const struct dirent *entry;
	char systemd[PATH_MAX];
	int r = d ? 0 : -errno;

	if (d)
		read_program_of_systemd(dirfd(d), systemd);
	while (r == 0 && (entry = readdir(d)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = read_process(&o, dirfd(d), entry->d_name, systemd);
	if (r < 0)
		return r;
	if (o.n > 0)
		qsort(o.list, o.n, sizeof(*o.list), compare);
	*ret = o;
	o = (struct owners){0};
	return 0;
}

const struct owner *owners_find(const struct owners *o, ino_t inode)
{
	size_t low = 0, high = o->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->list[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->n && o->list[low].inode == inode ? &o->list[low] : NULL;
}
