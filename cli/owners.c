/* SPDX-License-Identifier: Apache-2.0 */
#include "owners.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

static int add(struct owners *o, ino_t inode, pid_t pid, const char *name)
{
	struct owner *list = o->list;

	/* doubled whenever full, which is at each power of two */
	if ((o->n & (o->n - 1)) == 0)
		list = reallocarray(o->list, o->n ? 2 * o->n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	o->list = list;
	list[o->n] = (struct owner){.inode = inode, .pid = pid};
	memcpy(list[o->n].name, name, OWNER_NAME_MAX);
	o->n++;
	return 0;
}

static int read_process(struct owners *o, int proc, const char *pid)
{
	_cleanup_close_ int process =
	    openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_folder_ DIR *d = process < 0 ? NULL : open_folder(process, "fd");
	char name[OWNER_NAME_MAX] = "";
	const struct dirent *entry;
	int r = 0;

	if (!d)
		return 0; /* it has ended, or is not ours to look into */
	read_name(process, name);
	while (r == 0 && (entry = readdir(d))) {
		char text[64];
		ssize_t n = readlinkat(dirfd(d), entry->d_name, text, sizeof(text) - 1);
		uint64_t inode;

		text[n > 0 ? n : 0] = '\0';
		if (sscanf(text, "socket:[%" SCNu64 "]", &inode) == 1)
			r = add(o, (ino_t)inode, (pid_t)strtol(pid, NULL, 10), name);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return (x->pid == 1) - (y->pid == 1);
}

int owners_read(struct owners *ret)
{
	_cleanup_owners_ struct owners o = {0};
	_cleanup_folder_ DIR *d = opendir("/proc");
	const struct dirent *entry;
	int r = d ? 0 : -errno;

	while (r == 0 && (entry = readdir(d)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = read_process(&o, dirfd(d), entry->d_name);
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
