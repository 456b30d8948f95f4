/* SPDX-License-Identifier: Apache-2.0 */
/* Work in a thread of its own, which is over when the call returns. */

#include "aside.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include "check-program.h"
#include "peer.h"

/* Threads of this process. */
static unsigned count_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

struct work {
	int result;
	pid_t pid, thread;
	char *block;
};

static int do_work(void *argument)
{
	struct work *w = argument;

	w->pid = getpid();
	w->thread = gettid();
	w->block = strdup("made aside");
	return w->result;
}

START_TEST(test_returns_what_the_work_returned)
{
	static const int results[] = {0, 1, 77, INT_MAX, -1, -ENOMEM, -EAGAIN, INT_MIN};

	for (size_t i = 0; i < ELEMENTSOF(results); i++) {
		struct work w = {.result = results[i]};

		ck_assert_int_eq(aside_run(do_work, &w), results[i]);
		ck_assert_int_eq(w.pid, getpid());
		ck_assert_int_ne(w.thread, gettid());
		ck_assert_str_eq(w.block, "made aside");
		free(w.block);
	}
}
END_TEST

static int set_a_flag(void *argument)
{
	*(bool *)argument = true;
	return 0;
}

START_TEST(test_leaves_no_threads)
{
	unsigned before = count_threads();
	bool done = false;

	for (unsigned i = 0; i < 2000; i++) {
		done = false;
		ck_assert_int_eq(aside_run(set_a_flag, &done), 0);
		ck_assert(done);
	}
	ck_assert_uint_eq(count_threads(), before);
}
END_TEST

static int take_no_argument(void *argument)
{
	return argument ? -EINVAL : 5;
}

static int nest(void *argument)
{
	return aside_run(take_no_argument, argument);
}

START_TEST(test_work_may_have_work_done)
{
	ck_assert_int_eq(aside_run(nest, NULL), 5);
}
END_TEST

/* A process that has had work done forks, and its child does the same. */
static int run_in_child(int fd _unused_, void *data)
{
	return aside_run(take_no_argument, NULL) == 5 && aside_run(set_a_flag, data) == 0
		   ? 0
		   : 1;
}

START_TEST(test_goes_on_after_a_fork)
{
	bool flag;

	ck_assert_int_eq(aside_run(set_a_flag, &flag), 0);
	ck_assert_int_eq(
	    peer_verdict(peer_start(run_in_child, dup(STDERR_FILENO), -1, &flag)), 0);
}
END_TEST

/* Root is bound by no number of processes, so it becomes somebody else. */
static int run_without_threads(int fd _unused_, _unused_ void *data)
{
	static const struct rlimit none = {0, 0};
	bool done = false;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 2;
	if (setrlimit(RLIMIT_NPROC, &none) < 0)
		return 3;
	return aside_run(set_a_flag, &done) == -EAGAIN && !done ? 0 : 1;
}

START_TEST(test_says_that_there_can_be_no_thread)
{
	ck_assert_int_eq(
	    peer_verdict(peer_start(run_without_threads, dup(STDERR_FILENO), -1, NULL)),
	    0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_returns_what_the_work_returned,
	    test_leaves_no_threads,
	    test_work_may_have_work_done,
	    test_goes_on_after_a_fork,
	    test_says_that_there_can_be_no_thread,
	};

	return check_program("aside", tests, ELEMENTSOF(tests));
}
