/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the processes that an earlier one left: in control groups as hosts may have
 * them, shown to the test alone, and in a real one. */

#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "apart.h"
#include "check-program.h"
#include "config-tree.h"
#include "control-group.h"
#include "private-mounts.h"
#include "sleeper.h"

#define GROUPS "/sys/fs/cgroup"
#define ROOM 8

/* Has a file of the tree stand for the list of our control groups. False where that
 * cannot be. */
static bool begin(struct config_tree *t)
{
	_cleanup_free_ char *path = NULL;

	*t = (struct config_tree){0};
	if (geteuid() != 0) {
		fputs("not tested, for want of control groups of its own\n", stderr);
		return false;
	}
	if (!private_mounts())
		return false;
	config_tree_make(t);
	config_tree_puts(t, "cgroup", "");
	path = config_tree_path(t, "cgroup");
	private_mounts_replace(path, "/proc/self/cgroup");
	return true;
}

/* Writes GROUPS<group>/cgroup.procs, with the folders on the way, and nothing else. */
static void put_processes(const char *group, const char *text)
{
	_cleanup_free_ char *path = NULL;
	FILE *f;

	private_mounts_empty(GROUPS);
	ck_assert_int_gt(asprintf(&path, GROUPS "%s/cgroup.procs", group), 0);
	for (char *slash = path + strlen(GROUPS) + 1; (slash = strchr(slash, '/'));
	     *slash++ = '/') {
		*slash = '\0';
		ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
	}
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* How many are found where there is room for ROOM; the result is `want`. */
static size_t count_found(int want)
{
	struct children c;
	size_t n;

	ck_assert_int_eq(children_init(&c, ROOM), 0);
	ck_assert_int_eq(children_find_left_over(&c), want);
	n = children_count(&c);
	ck_assert_uint_eq(n, c.n_left_over);
	ck_assert_uint_eq(n, c.left_over_size);
	children_done(&c);
	return n;
}

START_TEST(test_each_layout_of_control_groups)
{
	static const struct {
		const char *own, *group;
		size_t want;
	} rows[] = {
	    {"0::/\n", "", 1},
	    {"0::/a/b.service\n", "/a/b.service", 1},
	    {"0::/a b:c/d\n", "/a b:c/d", 1},
	    {"0::/a", "/a", 1},
	    {"0::/a\n", "/unified/a", 1},
	    {"2:pids:/x\n1:name=systemd:/a\n0::/b\n", "/systemd/a", 1},
	    {"2:pids:/x\n1:name=systemd:/a\n0::/b\n", "/unified/b", 1},
	    {"1:name=systemd:/a\n", "/systemd/a", 1},
	    {"1:name=systemd:/0::/a\n", "/systemd/0::/a", 1},
	    {"5:cpu,cpuacct:/x0::/a\n0::/b\n", "/b", 1},
	    {"5:cpu,cpuacct:/x0::/a\n0::/b\n", "/a", 0},
	    {"5:cpu:/x:name=systemd:/a\n1:name=systemd:/b\n", "/systemd/a", 0},
	    {"0::/a\n", "/b", 0},
	    {"1:name=elogind:/a\n", "/systemd/a", 0},
	    {"2:pids:/a\n", "/pids/a", 0},
	    {"2:pids:/a\n", "/a", 0},
	    {"", "", 0},
	    {"\n\n", "", 0},
	    {"garbage\n", "", 0},
	};
	_cleanup_config_tree_ struct config_tree tree = {0};
	char text[16];
	pid_t pid;

	if (!begin(&tree))
		return;
	pid = sleeper_start();
	(void)snprintf(text, sizeof(text), "%d\n", (int)pid);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		size_t n;

		config_tree_puts(&tree, "cgroup", rows[i].own);
		put_processes(rows[i].group, text);
		n = count_found(0);
		ck_assert_msg(n == rows[i].want, "row %zu, processes in '%s': %zu", i,
		    rows[i].group, n);
	}
	sleeper_end(pid);
}
END_TEST

/* Lines as long as a path may be, and longer than any line may be. */
START_TEST(test_long_lines)
{
	static const size_t lengths[] = {PATH_MAX - 100, PATH_MAX, 3 * PATH_MAX};
	static char own[4 * PATH_MAX];
	_cleanup_config_tree_ struct config_tree tree = {0};
	char text[16];
	pid_t pid;

	if (!begin(&tree))
		return;
	pid = sleeper_start();
	(void)snprintf(text, sizeof(text), "%d\n", (int)pid);
	for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
		(void)strcpy(own, "7:cpu:/");
		(void)memset(own + strlen(own), 'x', lengths[i]);
		(void)strcpy(own + strlen("7:cpu:/") + lengths[i], "\n0::/a\n");
		config_tree_puts(&tree, "cgroup", own);
		put_processes("/a", text);
		ck_assert_uint_eq(count_found(0), 1);
	}
	sleeper_end(pid);
}
END_TEST

/* A line for each word: "a" and "b" are processes, "e" one that has ended, "o" our own. */
static void list(char *ret, size_t size, const char *words, const pid_t pids[4])
{
	FILE *f = fmemopen(ret, size, "w");

	ck_assert_ptr_nonnull(f);
	*ret = '\0'; /* where nothing is written, not even the end is */
	while (*words) {
		int n = (int)strcspn(words, " ");
		const char *which = strchr("abeo", *words);

		if (n == 1 && which)
			fprintf(f, "%d\n", (int)pids[which - "abeo"]);
		else
			fprintf(f, "%.*s\n", n, words);
		words += n;
		words += strspn(words, " ");
	}
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(test_what_a_list_may_hold)
{
	static const struct {
		const char *words;
		size_t want;
		int result;
	} rows[] = {
	    {"", 0, 0},
	    {"o", 0, 0},
	    {"a", 1, 0},
	    {"a b", 2, 0},
	    {"a e b", 2, 0},
	    {"a o b", 2, 0},
	    {"0 -1 x a 0 b", 2, 0},
	    {"2147483647 a", 1, 0},
	    {"a a a a a a a b", ROOM, 0},
	    {"o a a a a a a a b o", ROOM, 0},
	    {"a a a a a a a a b", ROOM, -ENOBUFS},
	    {"a a a a a a a a a a a a a a b", ROOM, -ENOBUFS},
	};
	_cleanup_config_tree_ struct config_tree tree = {0};
	char text[512];
	pid_t pids[4];

	if (!begin(&tree))
		return;
	for (size_t i = 0; i < 3; i++)
		pids[i] = sleeper_start();
	pids[3] = getpid();
	sleeper_end(pids[2]);
	config_tree_puts(&tree, "cgroup", "0::/x\n");
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		size_t n;

		list(text, sizeof(text), rows[i].words, pids);
		put_processes("/x", text);
		n = count_found(rows[i].result);
		ck_assert_msg(n == rows[i].want, "'%s': %zu", rows[i].words, n);
	}
	sleeper_end(pids[0]);
	sleeper_end(pids[1]);
}
END_TEST

static unsigned count_free_descriptors(int below)
{
	unsigned n = 0;

	for (int fd = 0; fd < below; fd++)
		n += fcntl(fd, F_GETFD) < 0;
	return n;
}

/* Of what few descriptors there are, 16 stay for those who come. */
START_TEST(test_too_few_descriptors)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	struct rlimit usual;
	char words[201], text[2000];
	pid_t pids[4] = {0};

	if (!begin(&tree))
		return;
	pids[0] = sleeper_start();
	config_tree_puts(&tree, "cgroup", "0::/x\n");
	for (size_t i = 0; i < 200; i++)
		words[i] = "a "[i % 2];
	words[200] = '\0';
	list(text, sizeof(text), words, pids);
	put_processes("/x", text);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	for (int limit = 20; limit < 80; limit++) {
		const struct rlimit few = {(rlim_t)limit, usual.rlim_max};
		unsigned room = count_free_descriptors(limit) - 1, left; /* the list */
		struct children c;
		int r;

		ck_assert_int_eq(children_init(&c, 200), 0);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = children_find_left_over(&c);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
		ck_assert_int_eq(r, -EMFILE);
		ck_assert_uint_eq(children_count(&c), room > 16 ? room - 16 : 0);
		left = count_free_descriptors(limit);
		ck_assert_uint_eq(left, 1 + MIN_OF(room, 16u));
		children_done(&c);
		ck_assert_uint_eq(count_free_descriptors(limit), room + 1);
	}
	sleeper_end(pids[0]);
}
END_TEST

START_TEST(test_a_host_without_control_groups)
{
	_cleanup_config_tree_ struct config_tree tree = {0};

	if (!begin(&tree))
		return;
	config_tree_puts(&tree, "cgroup", "0::/x\n");
	private_mounts_empty(GROUPS);
	ck_assert_uint_eq(count_found(0), 0);
	private_mounts_empty("/proc");
	ck_assert_uint_eq(count_found(0), 0);
	ck_assert_int_eq(umount2("/proc", MNT_DETACH), 0);
}
END_TEST

/* How many of them have ended, and which is the last of these. */
static size_t count_ended(const struct children *c, size_t *ret_which)
{
	size_t n = 0;

	for (size_t i = 0; i < c->left_over_size; i++) {
		struct pollfd p = {.fd = c->left_over[i], .events = POLLIN};

		if (poll(&p, 1, 0) == 1) {
			*ret_which = i;
			n++;
		}
	}
	return n;
}

/* They end one by one, while a session of ours goes on. */
static const char *watch_ends(struct children *c, const pid_t *pids, size_t n)
{
	size_t which;

	for (size_t i = 0; i < n; i++) {
		if (count_ended(c, &which) != 0)
			return "one has ended that goes on";
		sleeper_end(pids[i]);
		if (count_ended(c, &which) != 1)
			return "one goes on that has ended";
		for (unsigned k = 0; k < 2; k++) { /* the second time for nothing */
			children_end_left_over(c, which);
			if (children_count(c) != 1 + n - 1 - i)
				return "the count is wrong after an end";
		}
		if (c->left_over[which] != -1)
			return "a descriptor stays after an end";
	}
	return NULL;
}

static const char *live_in_group(const void *row)
{
	pid_t pids[3], ours;
	struct children few = {0}, c;
	const char *wrong;
	int next;

	if (!control_group_enter(row))
		return "the test cannot enter its control group";
	for (size_t i = 0; i < ELEMENTSOF(pids); i++)
		pids[i] = sleeper_start();
	next = dup(STDERR_FILENO);
	close(next);
	if (children_init(&c, ROOM) < 0 || children_init(&few, 2) < 0)
		return "there is no memory";
	if (children_find_left_over(&few) != -ENOBUFS || children_count(&few) != 2)
		return "more are found than there is room for";
	children_done(&few);
	if (children_find_left_over(&c) != 0 || children_count(&c) != ELEMENTSOF(pids))
		return "not all that are left over count";
	ours = sleeper_start();
	children_add(&c, ours, 0);
	wrong = watch_ends(&c, pids, ELEMENTSOF(pids));
	children_done(&c);
	sleeper_end(ours);
	if (!wrong && fcntl(next, F_GETFD) >= 0)
		wrong = "a descriptor is left open";
	return wrong;
}

START_TEST(test_a_real_control_group)
{
	struct control_group group;
	int status;

	if (!control_group_make(&group))
		return;
	/* whatever the other process leaves comes to us and ends */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	status = apart_run("a control group", live_in_group, &group);
	while (wait(NULL) > 0)
		;
	control_group_remove(&group);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_each_layout_of_control_groups,
	    test_long_lines,
	    test_what_a_list_may_hold,
	    test_too_few_descriptors,
	    test_a_host_without_control_groups,
	    test_a_real_control_group,
	};

	return check_program("children-left-over", tests, ELEMENTSOF(tests));
}
