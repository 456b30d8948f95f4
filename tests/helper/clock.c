/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a helper under test: moves its CLOCK_BOOTTIME on by as many seconds as the
 * file SHIM_CLOCK says.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long moved(void)
{
	const char *path = getenv("SHIM_CLOCK");
	FILE *f = path ? fopen(path, "re") : NULL;
	long seconds = 0;

	if (f) {
		if (fscanf(f, "%ld", &seconds) != 1)
			seconds = 0;
		(void)fclose(f);
	}
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	static __typeof__(&clock_gettime) real;
	int r;

	if (!real)
		real = (__typeof__(&clock_gettime))dlsym(RTLD_NEXT, "clock_gettime");
	r = real(clock, ts);
	if (r == 0 && clock == CLOCK_BOOTTIME)
		ts->tv_sec += moved();
	return r;
}
