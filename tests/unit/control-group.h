/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A real control group of a test's own, below the one that the test runs in, wherever
 * systemd would have put one: in the unified hierarchy and in its own. */

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "macro.h"

#define CONTROL_GROUP_MAX 3

struct control_group {
	char *folders[CONTROL_GROUP_MAX]; /* owned */
	unsigned n;
};

static inline void control_group_add(
    struct control_group *g, const char *mounted, const char *own)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s%.*s", mounted, (int)strcspn(own, "\n"), own) < 0) {
		path = NULL;
		return;
	}
	if (asprintf(&g->folders[g->n], "%s/maildest-check.%d", path, (int)getpid()) < 0)
		return;
	if (mkdir(g->folders[g->n], 0755) == 0)
		g->n++;
	else
		free(g->folders[g->n]);
}

/* False, after saying so, where the test may have none. */
static inline bool control_group_make(struct control_group *g)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096];

	*g = (struct control_group){0};
	while (f && g->n == 0 && fgets(line, sizeof(line), f)) {
		const char *named = strstr(line, ":name=systemd:");

		if (strncmp(line, "0::", 3) == 0) {
			control_group_add(g, "/sys/fs/cgroup", line + 3);
			control_group_add(g, "/sys/fs/cgroup/unified", line + 3);
		} else if (named) {
			control_group_add(g, "/sys/fs/cgroup/systemd",
			    named + strlen(":name=systemd:"));
		}
	}
	if (f)
		fclose(f);
	if (g->n == 0)
		fputs("not tested, for want of a control group\n", stderr);
	return g->n > 0;
}

/* Moves the calling process there. */
static inline bool control_group_enter(const struct control_group *g)
{
	bool entered = false;

	for (unsigned i = 0; i < g->n; i++) {
		_cleanup_free_ char *path = NULL;
		_cleanup_close_ int fd = -1;

		if (asprintf(&path, "%s/cgroup.procs", g->folders[i]) < 0) {
			path = NULL;
			return false;
		}
		fd = open(path, O_WRONLY | O_CLOEXEC); /* no group, if it cannot be */
		entered |= fd >= 0 && write(fd, "0", 1) == 1;
	}
	return entered;
}

/* When nobody is left in it. */
static inline void control_group_remove(struct control_group *g)
{
	while (g->n > 0) {
		if (rmdir(g->folders[--g->n]) < 0)
			perror(g->folders[g->n]);
		free(g->folders[g->n]);
	}
}
