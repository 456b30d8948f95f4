/* SPDX-License-Identifier: Apache-2.0 */
/* A table of process ids. What an earlier process left is found where systemd keeps it. */

#include "children.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "text.h"

/* Where there are too few for all left-over sessions, so many stay for new ones. */
#define DESCRIPTORS_KEPT 16

int children_init(struct children *c, size_t max)
{
	*c = (struct children){.max = max};
	c->list = calloc(max, sizeof(*c->list));
	return c->list ? 0 : -ENOMEM;
}

void children_done(struct children *c)
{
	for (size_t i = 0; i < c->left_over_size; i++)
		children_end_left_over(c, i);
	free(c->left_over);
	free(c->list);
	*c = (struct children){0};
}

size_t children_count(const struct children *c)
{
	return c->n + c->n_left_over;
}

void children_add(struct children *c, pid_t pid, unsigned service)
{
	c->list[c->n++] = (struct child){.pid = pid, .service = service};
}

bool children_reap(struct children *c, struct child_end *ret)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < c->n; i++) {
			if (c->list[i].pid != pid)
				continue;
			*ret = (struct child_end){pid, c->list[i].service, status};
			c->list[i] = c->list[--c->n];
			return true;
		}
		/* as process 1 of a container, we also inherit what is not ours */
	}
	return false;
}

void children_end_left_over(struct children *c, size_t i)
{
	if (i >= c->left_over_size || c->left_over[i] < 0)
		return;
	macro_close(&c->left_over[i]);
	c->n_left_over--;
}

/*
 * The file that lists a control group's processes, from a line of /proc/self/cgroup: of
 * the unified hierarchy ("0::/path"), or of systemd's own where there is none
 * ("1:name=systemd:/path"). NULL for other lines.
 */
static FILE *open_processes(const char *line)
{
	static const struct {
		const char *controllers, *mounted;
	} hierarchies[] = {
	    {"::", "/sys/fs/cgroup"},
	    {"::", "/sys/fs/cgroup/unified"},
	    {":name=systemd:", "/sys/fs/cgroup/systemd"},
	};
	const char *colon = strchr(line, ':');
	_cleanup_free_ char *path = NULL;
	const char *own;
	FILE *f;

	for (size_t i = 0; i < ELEMENTSOF(hierarchies); i++) {
		size_t n = strlen(hierarchies[i].controllers);

		if (!colon || strncmp(colon, hierarchies[i].controllers, n) != 0)
			continue;
		own = colon + n;
		free(path);
		path = text_format("%s%.*s/cgroup.procs", hierarchies[i].mounted,
		    (int)strcspn(own, "\n"), own);
		if (!path)
			return NULL;
		f = fopen(path, "re");
		if (f)
			return f;
	}
	return NULL;
}

static FILE *open_own_processes(void)
{
	FILE *groups = fopen("/proc/self/cgroup", "re"), *f = NULL;
	char line[4096];

	if (!groups)
		return NULL;
	while (!f && fgets(line, sizeof(line), groups))
		f = open_processes(line);
	(void)fclose(groups); /* was only read */
	return f;
}

/* 0, also if it has ended meanwhile; -errno if it cannot be watched. */
static int note_left_over(struct children *c, pid_t pid)
{
	long fd;

	if (c->left_over_size == c->max)
		return -ENOBUFS;
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	c->left_over[c->left_over_size++] = (int)fd;
	c->n_left_over++;
	return 0;
}

/* Some descriptors are needed for those who come. */
static void make_room(struct children *c)
{
	size_t n = MIN_OF(c->left_over_size, (size_t)DESCRIPTORS_KEPT);

	for (size_t i = 1; i <= n; i++)
		children_end_left_over(c, c->left_over_size - i);
}

static int note_all(struct children *c, FILE *f)
{
	char line[32];
	long pid;
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), f)) {
		pid = strtol(line, NULL, 10);
		if (pid > 0 && pid != getpid())
			r = note_left_over(c, (pid_t)pid);
	}
	if (r == -EMFILE || r == -ENFILE)
		make_room(c);
	return r;
}

int children_find_left_over(struct children *c)
{
	FILE *f = open_own_processes();
	int r;

	if (!f)
		return 0;
	c->left_over = calloc(c->max, sizeof(*c->left_over));
	r = c->left_over ? note_all(c, f) : -ENOMEM;
	(void)fclose(f); /* was only read */
	return r;
}
