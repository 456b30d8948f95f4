/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a helper under test: moves its CLOCK_BOOTTIME on by as many seconds as the
 * first number in the file SHIM_CLOCKS says, and its wall clock by as many as the second,
 * files included.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

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
