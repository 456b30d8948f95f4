/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program under test: counts its calls of each kind, and makes some of
 * them fail as the file says that FAULTS_CONTROL names (control.h). With FAULTS_PROGRAM
 * only the program of that name is concerned, not those before it in a command.
 */

#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* Descriptors beyond these are taken for streams. */
#define DESCRIPTORS 1024

static struct fault_control *control;
static bool is_child;
/* glibc (2.36) crashes in there without memory, which is no program's fault. */
static __thread bool in_resolver;
/* Sockets whose messages come whole or not at all: nothing can be shortened there. */
static bool keeps_messages[DESCRIPTORS];
/* Timers, signals, events and a process's talk to itself (libcurl's threads): nothing breaks there. */
static bool never_fails[DESCRIPTORS];

__attribute__((constructor)) static void open_control(void)
{
	const char *path = getenv("FAULTS_CONTROL"), *program = getenv("FAULTS_PROGRAM");
	struct fault_control *mapped;
	int fd;

	if (!path || (program && strcmp(program, program_invocation_short_name) != 0))
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof(*mapped), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (mapped != MAP_FAILED && mapped->magic == FAULT_MAGIC)
		control = mapped;
}

/* Counts a call: whether it shall fail. What it is told of a descriptor is for the test. */
static bool is_due(enum fault_kind kind, int fd)
{
	uint32_t n;

	if (!control || in_resolver || (control->scope == FAULT_PARENT && is_child) ||
	    (control->scope == FAULT_CHILDREN && !is_child))
		return false;
	n = __atomic_add_fetch(&control->counts[kind], 1, __ATOMIC_RELAXED);
	if (control->kind != kind || control->first == 0 || n < control->first ||
	    n > control->last)
		return false;
	__atomic_add_fetch(&control->hits, 1, __ATOMIC_RELAXED);
	control->fd = fd;
	return true;
}

bool fault_fails(enum fault_kind kind, int fd)
{
	if (!is_due(kind, fd))
		return false;
	errno = control->error;
	return true;
}

static bool is_in(const bool set[], int fd)
{
	return fd >= 0 && fd < DESCRIPTORS && set[fd];
}

static int note(int fd, bool keeps, bool never)
{
	if (fd >= 0 && fd < DESCRIPTORS) {
		keeps_messages[fd] = keeps;
		never_fails[fd] = never;
	}
	return fd;
}

/* As fault_fails(), of a call that may also be shortened, by way of `n`. */
static bool fails_or_shortens(enum fault_kind kind, int fd, size_t *n)
{
	if (is_in(never_fails, fd) || !is_due(kind, fd))
		return false;
	if (control->error != FAULT_SHORT) {
		errno = control->error;
		return true;
	}
	if (*n > 1 && fd != STDERR_FILENO && !is_in(keeps_messages, fd))
		*n = 1;
	return false;
}

/* memory */

void *malloc(size_t n)
{
	return fault_fails(FAULT_MEMORY, -1) ? NULL : REAL(malloc)(n);
}

void *calloc(size_t n, size_t size)
{
	return fault_fails(FAULT_MEMORY, -1) ? NULL : REAL(calloc)(n, size);
}

void *realloc(void *p, size_t n)
{
	return fault_fails(FAULT_MEMORY, -1) ? NULL : REAL(realloc)(p, n);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	return fault_fails(FAULT_MEMORY, -1) ? NULL : REAL(reallocarray)(p, n, size);
}

/* bytes in */

ssize_t read(int fd, void *bytes, size_t n)
{
	if (fails_or_shortens(FAULT_READ, fd, &n))
		return -1;
	return REAL(read)(fd, bytes, n);
}

ssize_t __read_chk(int fd, void *bytes, size_t n, size_t size);
ssize_t __read_chk(int fd, void *bytes, size_t n, size_t size)
{
	return n > size ? (abort(), -1) : read(fd, bytes, n);
}

ssize_t readv(int fd, const struct iovec *parts, int n)
{
	return fault_fails(FAULT_READ, fd) ? -1 : REAL(readv)(fd, parts, n);
}

ssize_t recvfrom(int fd, void *bytes, size_t n, int flags, struct sockaddr *restrict peer,
    socklen_t *restrict len)
{
	if (fails_or_shortens(FAULT_READ, fd, &n))
		return -1;
	return REAL(recvfrom)(fd, bytes, n, flags, peer, len);
}

ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
	if (fails_or_shortens(FAULT_READ, fd, &n))
		return -1;
	return REAL(recv)(fd, bytes, n, flags);
}

ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t size, int flags);
ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t size, int flags)
{
	return n > size ? (abort(), -1) : recv(fd, bytes, n, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return fault_fails(FAULT_READ, fd) ? -1 : REAL(recvmsg)(fd, message, flags);
}

/* bytes out */

ssize_t write(int fd, const void *bytes, size_t n)
{
	if (fails_or_shortens(FAULT_WRITE, fd, &n))
		return -1;
	return REAL(write)(fd, bytes, n);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	return fault_fails(FAULT_WRITE, fd) ? -1 : REAL(writev)(fd, parts, n);
}

ssize_t sendto(int fd, const void *bytes, size_t n, int flags,
    const struct sockaddr *peer, socklen_t len)
{
	if (fails_or_shortens(FAULT_WRITE, fd, &n))
		return -1;
	return REAL(sendto)(fd, bytes, n, flags, peer, len);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
	if (fails_or_shortens(FAULT_WRITE, fd, &n))
		return -1;
	return REAL(send)(fd, bytes, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return fault_fails(FAULT_WRITE, fd) ? -1 : REAL(sendmsg)(fd, message, flags);
}

/* connections, processes, names */

int connect(int fd, const struct sockaddr *peer, socklen_t len)
{
	return fault_fails(FAULT_CONNECT, fd) ? -1 : REAL(connect)(fd, peer, len);
}

int accept4(int fd, struct sockaddr *restrict peer, socklen_t *restrict len, int flags)
{
	if (fault_fails(FAULT_ACCEPT, fd))
		return -1;
	return note(REAL(accept4)(fd, peer, len, flags), false, false);
}

pid_t fork(void)
{
	pid_t pid;

	if (fault_fails(FAULT_FORK, -1))
		return -1;
	pid = REAL(fork)();
	if (pid == 0)
		is_child = true;
	return pid;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
    const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	int r;

	if (is_due(FAULT_RESOLVE, -1))
		return control->error;
	in_resolver = true;
	r = REAL(getaddrinfo)(name, service, hints, ret);
	in_resolver = false;
	return r;
}

int socket(int family, int type, int protocol)
{
	int fd =
	    fault_fails(FAULT_SOCKET, -1) ? -1 : REAL(socket)(family, type, protocol);

	return note(fd, (type & 0xf) != SOCK_STREAM, false);
}

int epoll_create1(int flags)
{
	return fault_fails(FAULT_SOCKET, -1) ? -1 : REAL(epoll_create1)(flags);
}

int memfd_create(const char *name, unsigned flags)
{
	return fault_fails(FAULT_SOCKET, -1) ? -1 : REAL(memfd_create)(name, flags);
}

int timerfd_create(int clock, int flags)
{
	return note(REAL(timerfd_create)(clock, flags), true, true);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
	return note(REAL(signalfd)(fd, mask, flags), true, true);
}

int eventfd(unsigned value, int flags)
{
	return note(REAL(eventfd)(value, flags), true, true);
}

int socketpair(int family, int type, int protocol, int fds[2])
{
	int r = REAL(socketpair)(family, type, protocol, fds);

	for (unsigned i = 0; i < 2 && r == 0; i++)
		(void)note(fds[i], (type & 0xf) != SOCK_STREAM, true);
	return r;
}

/* waiting */

int poll(struct pollfd *fds, nfds_t n, int msec)
{
	return fault_fails(FAULT_WAIT, -1) ? -1 : REAL(poll)(fds, n, msec);
}

int ppoll(
    struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask)
{
	return fault_fails(FAULT_WAIT, -1) ? -1 : REAL(ppoll)(fds, n, limit, mask);
}

int epoll_wait(int fd, struct epoll_event *events, int n, int msec)
{
	return fault_fails(FAULT_WAIT, fd) ? -1 : REAL(epoll_wait)(fd, events, n, msec);
}
