/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Peers that act while the code under test waits: connected sockets, and processes that
 * play the other side. A peer's exit status is its verdict. */

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "macro.h"

/* A listener on a free port of the loopback address; its port goes to *ret_port. */
static inline int peer_listen(uint16_t *ret_port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Two ends of a TCP connection. */
static inline void peer_tcp_pair(int fds[2])
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint16_t port;
	int listener = peer_listen(&port);

	address.sin_port = htons(port);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fds[0], 0);
	ck_assert_int_eq(
	    connect(fds[0], (const struct sockaddr *)&address, sizeof(address)), 0);
	fds[1] = accept(listener, NULL, NULL);
	ck_assert_int_ge(fds[1], 0);
	close(listener);
}

static inline void peer_unix_pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

/* Closes a TCP socket with a reset. */
static inline void peer_reset(int fd)
{
	static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	ck_assert_int_eq(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
}

/* No test has more descriptors open than this. */
#define PEER_DESCRIPTORS_MAX 256

/* Check goes on writing to a descriptor of its own, so none may be reused. */
static inline void peer_forget_descriptors(int theirs, int also)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 3; fd < PEER_DESCRIPTORS_MAX; fd++)
		if (fd != theirs && fd != also && fcntl(fd, F_GETFD) >= 0 &&
		    dup2(nothing, fd) < 0)
			_exit(99);
}

/*
 * Runs `play` in a process of its own, whose exit status is what it returns. It holds
 * `theirs`, which is closed here, and `also` if that is not -1, and no other descriptor
 * that could keep a connection open.
 */
static inline pid_t peer_start(
    int (*play)(int fd, void *data), int theirs, int also, void *data)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		peer_forget_descriptors(theirs, also);
		_exit(play(theirs, data));
	}
	close(theirs);
	return pid;
}

/* Waits for a peer's end and returns its verdict. */
static inline int peer_verdict(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
