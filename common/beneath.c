/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk keeps the folders it has gone through open, so that ".." is the one it came
 * from, even if somebody moves folders meanwhile; a link is never followed by the kernel.
 */

#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

/* As the kernel has it. */
#define LINKS_MAX 40
/* Far deeper than any configuration. */
#define DEPTH_MAX 16
/* O_NONBLOCK: a FIFO in the folder must not hold us. */
#define READING (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Where a walk stands, and what is left of its way. */
struct walk {
	int folders[DEPTH_MAX]; /* the first is borrowed, the others owned */
	unsigned depth;		/* of the folder it stands in */
	unsigned links;
	char rest[PATH_MAX];
};

static void walk_done(struct walk *w)
{
	for (unsigned i = 1; i <= w->depth; i++)
		macro_close(&w->folders[i]);
}
#define _cleanup_walk_ _cleanup_(walk_done)

/* Takes the next name off the way: an empty one at its end. */
static void take_name(struct walk *w, char name[PATH_MAX])
{
	size_t start = strspn(w->rest, "/");
	size_t n = strcspn(w->rest + start, "/");

	memcpy(name, w->rest + start, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + start + n, strlen(w->rest + start + n) + 1);
}

/* Whether the name just taken was the last. */
static bool is_last(const struct walk *w)
{
	return w->rest[0] == '\0';
}

static int leave_folder(struct walk *w)
{
	if (w->depth == 0)
		return -EXDEV;
	macro_close(&w->folders[w->depth--]);
	return 0;
}

/* Puts where a link leads before what is left. -EINVAL if it is none. */
static int take_link(struct walk *w, const char *name)
{
	char target[PATH_MAX];
	size_t left = strlen(w->rest);
	ssize_t n;

	n = readlinkat(w->folders[w->depth], name, target, sizeof(target));
	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (n == 0 || target[0] == '/')
		return -EXDEV; /* also magic links, which lead anywhere */
	if ((size_t)n + left >= sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + n, w->rest, left + 1);
	memcpy(w->rest, target, (size_t)n);
	return 0;
}

static int enter_folder(struct walk *w, const char *name)
{
	int fd, r;

	if (w->depth + 1 == DEPTH_MAX)
		return -ELOOP;
	fd = openat(
	    w->folders[w->depth], name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		w->folders[++w->depth] = fd;
		return 0;
	}
	if (errno != ENOTDIR)
		return -errno;
	r = take_link(w, name);
	return r == -EINVAL ? -ENOTDIR : r;
}

/* 1 with *ret_fd at the end of the way; 0 to go on; -errno. */
static int step(struct walk *w, int *ret_fd)
{
	char name[PATH_MAX];

	take_name(w, name);
	if (strcmp(name, "..") == 0)
		return leave_folder(w);
	if (!is_last(w) && (!*name || strcmp(name, ".") == 0))
		return 0;
	if (!is_last(w))
		return enter_folder(w, name);
	*ret_fd = openat(w->folders[w->depth], *name ? name : ".", READING | O_NOFOLLOW);
	if (*ret_fd >= 0)
		return 1;
	return errno == ELOOP ? take_link(w, name) : -errno;
}

int beneath_walk(int folder, const char *path)
{
	_cleanup_walk_ struct walk w = {.folders = {folder}};
	int fd = -1, r = 0;

	if (!*path)
		return -ENOENT;
	if (*path == '/')
		return -EXDEV;
	if (strlen(path) >= sizeof(w.rest))
		return -ENAMETOOLONG;
	memcpy(w.rest, path, strlen(path) + 1);
	while (r == 0)
		r = step(&w, &fd);
	return r < 0 ? r : fd;
}

int beneath_open(int folder, const char *path)
{
	struct open_how how = {
	    .flags = READING,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return beneath_walk(folder, path);
	return fd < 0 ? -errno : (int)fd;
}
