/* SPDX-License-Identifier: Apache-2.0 */
/* The walls as a session closes them: each is tried from inside, in both phases. */

#include "confine.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "check-program.h"
#include "intrusions-pinned.h"
#include "intrusions.h"
#include "walled.h"

static int close_login(struct walled *w)
{
	_cleanup_free_ char *lacking = NULL;
	char anchors[64];
	const struct confine_needs needs = {.anchors = anchors, .addresses = w->pinned};

	(void)snprintf(anchors, sizeof(anchors), "%s/anchors", w->folder);
	confine_process();
	return confine_login(&needs, &lacking);
}

static int close_relay(struct walled *w)
{
	_cleanup_free_ char *lacking = NULL;

	return close_login(w) < 0 ? -EPERM : confine_relay(&lacking);
}

static void try_all(const struct intrusion *attempts, size_t n, bool relay)
{
	struct walled w;

	walled_make(&w);
	for (size_t i = 0; i < n; i++) {
		int wanted = relay ? attempts[i].relay : attempts[i].login;
		int got = walled_try(
		    &w, relay ? close_relay : close_login, attempts[i].attempt);

		ck_assert_msg(got == wanted, "to %s: the outcome is %d instead of %d",
		    attempts[i].label, got, wanted);
	}
	walled_done(&w);
}

START_TEST(test_login_reaches_only_the_server_and_trust_anchors)
{
	try_all(intrusions, ELEMENTSOF(intrusions), false);
}
END_TEST

START_TEST(test_relay_reaches_nothing)
{
	try_all(intrusions, ELEMENTSOF(intrusions), true);
}
END_TEST

START_TEST(test_login_connects_to_pinned_addresses_alone)
{
	try_all(intrusions_pinned, ELEMENTSOF(intrusions_pinned), false);
}
END_TEST

START_TEST(test_relay_connects_to_nobody)
{
	try_all(intrusions_pinned, ELEMENTSOF(intrusions_pinned), true);
}
END_TEST

static long landlock_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1);
}

static int close_parent(_unused_ struct walled *w)
{
	_cleanup_free_ char *lacking = NULL;

	confine_process();
	return confine_parent(&lacking);
}

static int write_private(struct walled *w)
{
	return outcome(open(w->private, O_WRONLY | O_CLOEXEC));
}

START_TEST(test_parent_changes_and_executes_no_file)
{
	/* truncate(2) is Landlock's since Linux 6.2 */
	const int emptied = landlock_version() >= 3 ? -EACCES : 0;
	const struct {
		const char *label;
		int (*attempt)(struct walled *w);
		int outcome;
	} rows[] = {
	    {"read a configuration file", read_other_destination, 0},
	    {"write a configuration file", write_private, -EACCES},
	    {"empty a configuration file", empty_configuration, emptied},
	    {"create a configuration file", create_in_configuration, -EACCES},
	    {"remove a configuration file", remove_configuration, -EACCES},
	    {"create a file in /run", create_in_run, -EACCES},
	    {"execute a program", execute, -EACCES},
	    {"fork", fork_another, 0},
	    {"open a Unix socket", open_unix, 0},
	    {"dial", dial_stranger, 0},
	};
	struct walled w;

	walled_make(&w);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		int got = walled_try(&w, close_parent, rows[i].attempt);

		ck_assert_msg(got == rows[i].outcome, "to %s: %d instead of %d",
		    rows[i].label, got, rows[i].outcome);
	}
	walled_done(&w);
}
END_TEST

static int close_process(_unused_ struct walled *w)
{
	confine_process();
	return 0;
}

static int has_switches(_unused_ struct walled *w)
{
	struct rlimit core;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return -EACCES;
	if (prctl(PR_GET_DUMPABLE) != 0)
		return -EBUSY;
	return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 ? 0 : -EDOM;
}

START_TEST(test_process_gains_nothing_and_shows_nothing)
{
	struct walled w;

	walled_make(&w);
	ck_assert_int_eq(walled_try(&w, close_process, has_switches), 0);
	walled_done(&w);
}
END_TEST

static uint64_t nsec_now(void)
{
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int time_walls(struct walled *w)
{
	uint64_t before = nsec_now(), usec;

	if (close_relay(w) < 0)
		return -EPERM;
	usec = (nsec_now() - before) / 1000;
	return write(w->peer, &usec, sizeof(usec)) == sizeof(usec) ? 0 : -EIO;
}

static int close_nothing(_unused_ struct walled *w)
{
	return 0;
}

/* The best of many, so that a busy host does not count. */
START_TEST(test_all_walls_close_within_300_usec)
{
	uint64_t best = UINT64_MAX, usec;
	struct walled w;

	walled_make(&w);
	for (unsigned i = 0; i < 50; i++) {
		ck_assert_int_eq(walled_try(&w, close_nothing, time_walls), 0);
		ck_assert_int_eq(read(w.other, &usec, sizeof(usec)), sizeof(usec));
		best = MIN_OF(best, usec);
	}
	printf("both walls close in %u us\n", (unsigned)best);
	ck_assert_uint_lt(best, 300);
	walled_done(&w);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_login_reaches_only_the_server_and_trust_anchors,
	    test_relay_reaches_nothing,
	    test_login_connects_to_pinned_addresses_alone,
	    test_relay_connects_to_nobody,
	    test_parent_changes_and_executes_no_file,
	    test_process_gains_nothing_and_shows_nothing,
	    test_all_walls_close_within_300_usec,
	};

	if (!CONFINE_IS_BUILT)
		return 77; /* to meson: skipped, see confine.h */
	return check_program("confine", tests, ELEMENTSOF(tests));
}
