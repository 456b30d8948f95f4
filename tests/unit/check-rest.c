/* SPDX-License-Identifier: Apache-2.0 */
/* Long waits: what wakes them, what ends them, and when memory is given up. */

#include "rest.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "peer.h"

#define SOON deadline_in(20 * USEC_PER_SEC)

static void count(void *userdata)
{
	++*(unsigned *)userdata;
}

START_TEST(test_what_is_there_is_seen_at_once)
{
	unsigned given_up = 0;
	int fds[2];

	peer_unix_pair(fds);
	for (uint64_t late = 0; late < 2; late++) {
		struct pollfd p[] = {
		    {.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};

		ck_assert_int_eq(write(fds[1], "x", 1), 1);
		ck_assert_int_eq(rest_poll(p, 2, late ? 0 : SOON, count, &given_up), 1);
		ck_assert_int_eq(p[0].revents, POLLIN);
		ck_assert_int_eq(p[1].revents, 0);
	}
	ck_assert_uint_eq(given_up, 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(test_a_short_wait_costs_nothing)
{
	static const uint64_t waits[] = {0, 1, 5000, 50000};
	unsigned given_up = 0;
	int fds[2];

	peer_unix_pair(fds);
	for (size_t i = 0; i < ELEMENTSOF(waits); i++) {
		struct pollfd p = {.fd = fds[0], .events = POLLIN};
		uint64_t deadline = deadline_in(waits[i]);

		ck_assert_int_eq(
		    rest_poll(&p, 1, deadline, count, &given_up), -ETIMEDOUT);
		ck_assert_uint_ge(deadline_now(), deadline);
	}
	ck_assert_uint_eq(given_up, 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* Gives up memory once, and has somebody wake it then. */
static void wake(void *userdata)
{
	ck_assert_int_eq(write(*(int *)userdata, "x", 1), 1);
}

START_TEST(test_a_long_wait_gives_up_memory_and_goes_on)
{
	struct pollfd p = {.events = POLLIN};
	int fds[2];
	char bytes[8];

	peer_unix_pair(fds);
	p.fd = fds[0];
	ck_assert_int_eq(rest_poll(&p, 1, DEADLINE_NEVER, wake, &fds[1]), 1);
	ck_assert_int_eq(p.revents, POLLIN);
	ck_assert_int_eq(read(fds[0], bytes, sizeof(bytes)), 1);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(test_a_long_wait_has_an_end)
{
	struct pollfd p = {.events = POLLIN};
	unsigned given_up = 0;
	uint64_t deadline = deadline_in(700 * USEC_PER_MSEC);
	int fds[2];

	peer_unix_pair(fds);
	p.fd = fds[0];
	ck_assert_int_eq(rest_poll(&p, 1, deadline, count, &given_up), -ETIMEDOUT);
	ck_assert_uint_ge(deadline_now(), deadline);
	ck_assert_uint_eq(given_up, 1);
	ck_assert_int_eq(
	    rest_poll(&p, 1, deadline_in(310 * USEC_PER_MSEC), NULL, NULL), -ETIMEDOUT);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_what_is_there_is_seen_at_once,
	    test_a_short_wait_costs_nothing,
	    test_a_long_wait_gives_up_memory_and_goes_on,
	    test_a_long_wait_has_an_end,
	};

	return check_program("rest", tests, ELEMENTSOF(tests));
}
