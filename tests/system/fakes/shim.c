/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a handler under test: names resolve as the test says, and time passes faster.
 *
 *   SHIM_SPEED=20            twenty seconds of the handler's clocks are one of ours
 *   SHIM_FROM=path           ... from when this file says, a long: nanoseconds of our monotonic
 *                            clock, 0 as long as nobody knows
 *   SHIM_LATER=3600          its calendar (time(2), for certificates) is an hour ahead
 *   SHIM_SLEPT=path          ... and with CLOCK_BOOTTIME by as many seconds more as this file
 *                            says, a long: the machine has slept for so long
 *   SHIM_HOST=name           the name that the two below are about; others resolve as always
 *   SHIM_ADDRESSES=a,b       its addresses, in this order
 *   SHIM_HANG=path           its resolution never ends; this file has a byte when it begins
 *   SHIM_EXIT=status         its resolution ends the process with this status
 *   SHIM_THREAD=1            a thread waits for nothing, as one of a library's might
 *   SHIM_ACCEPTED=number     whoever has accepted a connection is sent this signal at once
 *   SHIM_FORKED=number       a new process is sent this signal at once
 *   SHIM_STOLEN=1            somebody else takes the first connection, just before it is accepted
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_MSEC 1000000LL
#define USEC_PER_SEC 1000000LL
#define MSEC_PER_SEC 1000LL
/* So soon it is seen that time passes faster now. */
#define SLICE_MSEC 10

static long long began;		   /* the first look at a clock; 0 before it */
static int mark = -1;		   /* SHIM_HANG's file: sessions can make none any more */
static volatile const long *slept; /* SHIM_SLEPT's, or NULL; for the same reason */
static volatile const long *from;  /* SHIM_FROM's, or NULL */

static void *wait_for_ever(void *begun)
{
	(void)pthread_barrier_wait(begun);
	for (;;)
		(void)poll(NULL, 0, -1);
	return NULL;
}

/* Begun, as a thread's own beginning is no call that a session makes. */
__attribute__((constructor)) static void start_thread(void)
{
	static pthread_barrier_t begun;
	pthread_t thread;

	if (!getenv("SHIM_THREAD"))
		return;
	if (pthread_barrier_init(&begun, NULL, 2) != 0 ||
	    pthread_create(&thread, NULL, wait_for_ever, &begun) != 0)
		abort();
	(void)pthread_barrier_wait(&begun);
}

/* The number that a variable's file holds, whatever it will be; NULL without the variable. */
static volatile const long *map(const char *variable)
{
	const char *path = getenv(variable);
	const long *mapped;
	int fd;

	if (!path)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	mapped = mmap(NULL, sizeof(*mapped), PROT_READ, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		abort();
	close(fd);
	return mapped;
}

__attribute__((constructor)) static void open_files(void)
{
	const char *hang = getenv("SHIM_HANG");

	if (hang)
		mark = open(hang, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	slept = map("SHIM_SLEPT");
	from = map("SHIM_FROM");
}

static long long speed(void)
{
	const char *text = getenv("SHIM_SPEED");

	return text ? atoll(text) : 1;
}

/* When time begins to pass faster. */
static long long turn(void)
{
	if (!from)
		return began;
	return *from ? *from : LLONG_MAX;
}

/* How fast it passes now. */
static long long pace(void)
{
	struct timespec ts;

	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) < 0)
		return 1;
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec < turn() ? 1 : speed();
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long long now;

	if (syscall(SYS_clock_gettime, clock, ts) < 0)
		return -1;
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return 0;
	now = ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
	if (began == 0)
		began = now;
	if (now > turn())
		now = turn() + (now - turn()) * speed();
	ts->tv_sec = now / NSEC_PER_SEC;
	ts->tv_nsec = now % NSEC_PER_SEC;
	if (clock == CLOCK_BOOTTIME && slept)
		ts->tv_sec += *slept;
	return 0;
}

time_t time(time_t *ret)
{
	const char *later = getenv("SHIM_LATER");
	struct timespec ts;

	if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts) < 0)
		return -1;
	ts.tv_sec += later ? atoll(later) : 0;
	ts.tv_sec += slept ? *slept : 0;
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

static long long now_msec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * MSEC_PER_SEC + ts.tv_nsec / NSEC_PER_MSEC;
}

/* As the kernel does it after a pause, it looks once more when its time is over. */
static int poll_in_slices(struct pollfd *fds, nfds_t n, int timeout)
{
	long long end = now_msec() + timeout, left;
	int r;

	do {
		left = end - now_msec();
		r = (int)syscall(SYS_poll, fds, n,
		    left <= 0		? 0
		    : left < SLICE_MSEC ? (int)left
					: SLICE_MSEC);
	} while (r == 0 && left > 0);
	return r;
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (from && timeout > 0)
		return poll_in_slices(fds, n, timeout);
	if (timeout > 0)
		timeout = (int)((timeout + pace() - 1) / pace());
	return (int)syscall(SYS_poll, fds, n, timeout);
}

int setitimer(__itimer_which_t which, const struct itimerval *new, struct itimerval *old)
{
	struct itimerval faster = *new;
	long long usec = new->it_value.tv_sec *USEC_PER_SEC + new->it_value.tv_usec;

	usec = (usec + pace() - 1) / pace();
	faster.it_value.tv_sec = usec / USEC_PER_SEC;
	faster.it_value.tv_usec = usec % USEC_PER_SEC;
	return (int)syscall(SYS_setitimer, which, &faster, old);
}

static void steal(int listening)
{
	static bool is_done;

	if (!is_done && getenv("SHIM_STOLEN"))
		is_done = close((int)syscall(SYS_accept4, listening, NULL, NULL, 0)) == 0;
}

int accept4(int listening, struct sockaddr *address, socklen_t *len, int flags)
{
	const char *number = getenv("SHIM_ACCEPTED");
	int fd;

	steal(listening);
	fd = (int)syscall(SYS_accept4, listening, address, len, flags);
	if (fd >= 0 && number)
		kill(
		    getpid(), atoi(number)); /* the process, as whoever is outside does */
	return fd;
}

pid_t fork(void)
{
	pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	const char *number = getenv("SHIM_FORKED");
	pid_t pid = real();

	if (pid == 0 && number)
		kill(getpid(), atoi(number));
	return pid;
}

typedef int resolver(
    const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* freeaddrinfo(3) of glibc frees one node after the other, so lists may be joined. */
static int join(resolver *real, char *addresses, const char *service,
    const struct addrinfo *hints, struct addrinfo **ret)
{
	int r;

	for (char *one = strtok(addresses, ","); one; one = strtok(NULL, ",")) {
		r = real(one, service, hints, ret);
		if (r != 0)
			return r;
		while (*ret)
			ret = &(*ret)->ai_next;
	}
	return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **ret)
{
	resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
	const char *host = getenv("SHIM_HOST"), *addresses = getenv("SHIM_ADDRESSES");
	const char *hang = getenv("SHIM_HANG"), *status = getenv("SHIM_EXIT");
	char copy[256];

	if (!host || !node || strcmp(host, node) != 0)
		return real(node, service, hints, ret);
	if (hang && write(mark, "x", 1) < 0)
		abort();
	while (hang)
		pause();
	if (status)
		_exit(atoi(status));
	snprintf(copy, sizeof(copy), "%s", addresses ? addresses : "");
	return join(real, copy, service, hints, ret);
}
