/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks and waiting. Every wait of the project on a descriptor ends here, so there is
 * one place that could hang for ever, and it takes a deadline.
 */

#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec ts = {0};

	(void)clock_gettime(clock, &ts); /* cannot fail with a clock that exists */
	return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t deadline_now(void)
{
	return clock_usec(CLOCK_MONOTONIC);
}

uint64_t deadline_boottime(void)
{
	return clock_usec(CLOCK_BOOTTIME);
}

int64_t deadline_slept(void)
{
	return (int64_t)(deadline_boottime() - deadline_now());
}

uint64_t deadline_in(uint64_t usec)
{
	uint64_t now = deadline_now();

	return usec > DEADLINE_NEVER - now ? DEADLINE_NEVER : now + usec;
}

int deadline_poll_timeout(uint64_t deadline)
{
	uint64_t now, msec;

	if (deadline == DEADLINE_NEVER)
		return -1;
	now = deadline_now();
	if (deadline <= now)
		return 0;
	msec = (deadline - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
	return msec > INT_MAX ? INT_MAX : (int)msec;
}

int deadline_poll(struct pollfd *fds, unsigned n, uint64_t deadline)
{
	int r;

	for (;;) {
		r = poll(fds, n, deadline_poll_timeout(deadline));
		if (r > 0)
			return r;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (deadline_poll_timeout(deadline) == 0)
			return -ETIMEDOUT;
	}
}

int fd_wait(int fd, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int r;

	r = deadline_poll(&p, 1, deadline);
	if (r < 0)
		return r;
	if (p.revents & POLLNVAL)
		return -EBADF;
	return 0;
}
