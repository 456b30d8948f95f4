/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a helper under test: moves its CLOCK_BOOTTIME on by as many seconds as the
 * first number in the file SHIM_CLOCKS says, and its wall clock by as many as the second,
 * files included. CLOCK_MONOTONIC stays, as it does while a machine sleeps; timers of
 * CLOCK_BOOTTIME that are due when the clock has moved run out, as they do on waking up.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>

#define DESCRIPTORS_MAX 1024
/* How soon it is seen that the clock has moved. */
#define LOOK_MSEC 20

enum clock {
	CLOCK_OF_BOOT,
	CLOCK_OF_WALL,
};

static long moved(enum clock which)
{
	const char *path = getenv("SHIM_CLOCKS");
	FILE *f = path ? fopen(path, "re") : NULL;
	long seconds[] = {0, 0};

	if (f) {
		if (fscanf(f, "%ld %ld", &seconds[0], &seconds[1]) != 2)
			seconds[0] = seconds[1] = 0;
		(void)fclose(f);
	}
	return seconds[which];
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	static __typeof__(&clock_gettime) real;
	int r;

	if (!real)
		real = (__typeof__(&clock_gettime))dlsym(RTLD_NEXT, "clock_gettime");
	r = real(clock, ts);
	if (r == 0 && clock == CLOCK_BOOTTIME)
		ts->tv_sec += moved(CLOCK_OF_BOOT);
	return r;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return -1;
	ts.tv_sec += moved(CLOCK_OF_WALL);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

/* A file gets its time from the kernel; this one is about to be a record. */
int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL)}};
	__typeof__(&renameat) real = (__typeof__(&renameat))dlsym(RTLD_NEXT, "renameat");

	(void)utimensat(from_folder, from, times, AT_SYMLINK_NOFOLLOW);
	return real(from_folder, from, to_folder, to);
}

/* By descriptor: what a timer was set to, if it goes by the clock that is moved. */
static struct {
	bool moves;
	struct itimerspec set;
} timers[DESCRIPTORS_MAX];

static int arm(int fd, struct itimerspec *old)
{
	static __typeof__(&timerfd_settime) real;
	struct itimerspec due = timers[fd].set;

	if (!real)
		real = (__typeof__(&timerfd_settime))dlsym(RTLD_NEXT, "timerfd_settime");
	if (due.it_value.tv_sec > 0)
		due.it_value.tv_sec -= moved(CLOCK_OF_BOOT);
	if (due.it_value.tv_sec < 0)
		due.it_value = (struct timespec){.tv_nsec = 1};
	return real(fd, TFD_TIMER_ABSTIME, &due, old);
}

int timerfd_create(clockid_t clock, int flags)
{
	__typeof__(&timerfd_create) real =
	    (__typeof__(&timerfd_create))dlsym(RTLD_NEXT, "timerfd_create");
	int fd = real(clock, flags);

	if (fd >= DESCRIPTORS_MAX)
		abort();
	if (fd >= 0)
		timers[fd].moves = clock == CLOCK_BOOTTIME;
	return fd;
}

int timerfd_settime(
    int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	__typeof__(&timerfd_settime) real =
	    (__typeof__(&timerfd_settime))dlsym(RTLD_NEXT, "timerfd_settime");

	if (!timers[fd].moves)
		return real(fd, flags, new, old);
	if (!(flags & TFD_TIMER_ABSTIME))
		abort();
	timers[fd].set = *new;
	return arm(fd, old);
}

static void arm_again(void)
{
	static long seen;
	long now = moved(CLOCK_OF_BOOT);

	for (int fd = 0; now != seen && fd < DESCRIPTORS_MAX; fd++)
		if (timers[fd].moves)
			(void)arm(fd, NULL);
	seen = now;
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
	static __typeof__(&epoll_wait) real;
	int r;

	if (!real)
		real = (__typeof__(&epoll_wait))dlsym(RTLD_NEXT, "epoll_wait");
	do {
		int look = timeout < 0 || timeout > LOOK_MSEC ? LOOK_MSEC : timeout;

		arm_again();
		r = real(fd, events, n, look);
		timeout -= timeout < 0 ? 0 : look;
	} while (r == 0 && timeout != 0);
	return r;
}

/* Whoever prefers this one falls back on the other. */
int epoll_pwait2(int fd, struct epoll_event *events, int n,
    const struct timespec *timeout, const sigset_t *signals)
{
	(void)fd;
	(void)events;
	(void)n;
	(void)timeout;
	(void)signals;
	errno = ENOSYS;
	return -1;
}
