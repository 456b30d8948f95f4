/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines and the one wait. The longest wait here is 30 ms. */

#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "check-program.h"

START_TEST(test_clocks_go_forward)
{
	uint64_t mono = deadline_now(), boot = deadline_boottime();

	ck_assert_uint_gt(mono, 0);
	ck_assert_uint_ge(deadline_now(), mono);
	ck_assert_uint_ge(deadline_boottime(), boot);
	ck_assert_uint_ge(boot + USEC_PER_SEC, mono);
}
END_TEST

/* Tests of the helper move the clocks; this machine is awake, if busy within a look at times. */
START_TEST(test_a_wait_is_no_sleep)
{
	int64_t before, slept;
	unsigned tries = 0;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	do {
		before = deadline_slept();
		ck_assert_int_eq(fd_wait(fds[0], POLLIN, deadline_in(20000)), -ETIMEDOUT);
		slept = deadline_slept() - before;
		tries++;
	} while ((slept <= -10000 || slept >= 10000) && tries < 50);
	ck_assert_msg(tries < 50, "a wait of 20 ms is a sleep of %ld usec", (long)slept);
}
END_TEST

START_TEST(test_a_deadline_is_that_far_away)
{
	uint64_t before = deadline_now(), d = deadline_in(5 * USEC_PER_SEC);

	ck_assert_uint_ge(d, before + 5 * USEC_PER_SEC);
	ck_assert_uint_le(d, deadline_now() + 5 * USEC_PER_SEC);
}
END_TEST

START_TEST(test_never_stays_never)
{
	ck_assert_uint_eq(deadline_in(DEADLINE_NEVER), DEADLINE_NEVER);
	ck_assert_uint_eq(deadline_in(DEADLINE_NEVER - 1), DEADLINE_NEVER);
	ck_assert_int_eq(deadline_poll_timeout(DEADLINE_NEVER), -1);
}
END_TEST

START_TEST(test_the_timeout_is_rounded_up_and_bounded)
{
	ck_assert_int_eq(deadline_poll_timeout(0), 0);
	ck_assert_int_eq(deadline_poll_timeout(deadline_now()), 0);
	/* 10 s and a bit, less what passed since: never 0, which would spin */
	ck_assert_int_le(deadline_poll_timeout(deadline_in(10000500)), 10001);
	ck_assert_int_ge(deadline_poll_timeout(deadline_in(10000500)), 9000);
	ck_assert_int_eq(deadline_poll_timeout(DEADLINE_NEVER - 1), INT_MAX);
}
END_TEST

START_TEST(test_waits_no_longer_than_the_deadline)
{
	int fds[2];
	uint64_t before = deadline_now();

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(fd_wait(fds[0], POLLIN, deadline_in(20000)), -ETIMEDOUT);
	ck_assert_uint_ge(deadline_now() - before, 20000);
}
END_TEST

START_TEST(test_what_is_ready_wins_over_a_deadline_in_the_past)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(fd_wait(fds[0], POLLIN, 0), -ETIMEDOUT);
	ck_assert_int_eq(fd_wait(fds[1], POLLOUT, 0), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(fd_wait(fds[0], POLLIN, 0), 0);
	ck_assert_int_eq(fd_wait(fds[0], POLLIN, DEADLINE_NEVER), 0);
}
END_TEST

START_TEST(test_a_peer_that_went_away_is_ready)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[1]);
	ck_assert_int_eq(fd_wait(fds[0], POLLIN, DEADLINE_NEVER), 0);
	ck_assert_int_eq(fd_wait(fds[0], POLLOUT, DEADLINE_NEVER), 0);
}
END_TEST

START_TEST(test_a_closed_descriptor_is_an_error)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(fd_wait(fds[0], POLLIN, DEADLINE_NEVER), -EBADF);
}
END_TEST

START_TEST(test_poll_counts_the_ready_ones)
{
	int a[2], b[2];

	ck_assert_int_eq(pipe(a), 0);
	ck_assert_int_eq(pipe(b), 0);
	{
		struct pollfd fds[] = {{.fd = a[0], .events = POLLIN},
		    {.fd = -1, .events = POLLIN}, {.fd = b[1], .events = POLLOUT}};

		ck_assert_int_eq(deadline_poll(fds, ELEMENTSOF(fds), DEADLINE_NEVER), 1);
		ck_assert_int_eq(fds[0].revents, 0);
		ck_assert_int_eq(fds[2].revents, POLLOUT);
		ck_assert_int_eq(write(a[1], "x", 1), 1);
		ck_assert_int_eq(deadline_poll(fds, ELEMENTSOF(fds), DEADLINE_NEVER), 2);
	}
}
END_TEST

static volatile sig_atomic_t ticks;

static void tick(int sig _unused_)
{
	ticks++;
}

START_TEST(test_signals_neither_end_nor_prolong_a_wait)
{
	const struct sigaction action = {.sa_handler = tick};
	const struct itimerval every_msec = {{0, 1000}, {0, 1000}};
	uint64_t before = deadline_now();
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &every_msec, NULL), 0);
	ck_assert_int_eq(fd_wait(fds[0], POLLIN, deadline_in(30000)), -ETIMEDOUT);
	ck_assert_int_gt(ticks, 0);
	ck_assert_uint_ge(deadline_now() - before, 30000);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_clocks_go_forward,
	    test_a_wait_is_no_sleep,
	    test_a_deadline_is_that_far_away,
	    test_never_stays_never,
	    test_the_timeout_is_rounded_up_and_bounded,
	    test_waits_no_longer_than_the_deadline,
	    test_what_is_ready_wins_over_a_deadline_in_the_past,
	    test_a_peer_that_went_away_is_ready,
	    test_a_closed_descriptor_is_an_error,
	    test_poll_counts_the_ready_ones,
	    test_signals_neither_end_nor_prolong_a_wait,
	};

	return check_program("deadline", tests, ELEMENTSOF(tests));
}
