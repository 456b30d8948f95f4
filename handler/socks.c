/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes for socks5.c, which knows what they mean. */

#include "socks.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "deadline.h"
#include "reason.h"
#include "stream.h"

static int wait_for(int fd, short events, int watch_fd, uint64_t deadline)
{
	struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = watch_fd}};
	int r;

	for (;;) {
		r = deadline_poll(fds, ELEMENTSOF(fds), deadline);
		if (r < 0 || fds[0].revents)
			return r < 0 ? r : 0;
		if (fds[1].revents && stream_is_reset(watch_fd))
			return -ECONNABORTED;
		if (fds[1].revents)
			fds[1].fd = -1; /* hung up, but what it sent is still to be relayed */
	}
}

static int send_all(int fd, const struct secret *bytes, int watch_fd, uint64_t deadline)
{
	size_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && at < bytes->len) {
		n = send(fd, bytes->data + at, bytes->len - at, MSG_NOSIGNAL);
		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			r = wait_for(fd, POLLOUT, watch_fd, deadline);
		else if (errno != EINTR)
			r = -errno;
	}
	return r;
}

static int receive_all(
    int fd, unsigned char *bytes, size_t want, int watch_fd, uint64_t deadline)
{
	size_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && at < want) {
		n = recv(fd, bytes + at, want - at, 0);
		if (n == 0)
			return -ECONNRESET;
		if (n > 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			r = wait_for(fd, POLLIN, watch_fd, deadline);
		else if (errno != EINTR)
			r = -errno;
	}
	return r;
}

static int explain(int error, char **ret_why)
{
	switch (-error) {
	case ETIMEDOUT:
		return reason_set(ret_why, error, "the proxy did not answer in time");
	case ECONNABORTED:
		return reason_set(ret_why, error, "the client went away");
	case ENOMEM:
		return error;
	}
	return reason_set(
	    ret_why, -ECONNRESET, "the proxy closed the connection within its answer");
}

static int turn(
    struct socks5 *s, int fd, int watch_fd, uint64_t deadline, char **ret_why)
{
	unsigned char answer[SOCKS5_NEED_MAX];
	size_t need = s->need;
	int r;

	r = send_all(fd, &s->out, watch_fd, deadline);
	secret_clear(&s->out);
	if (r == 0 && need > sizeof(answer))
		return -ENOMEM;
	if (r == 0)
		r = receive_all(fd, answer, need, watch_fd, deadline);
	if (r < 0)
		return explain(r, ret_why);
	return socks5_take(s, answer, need, ret_why);
}

int socks_connect(int fd, const struct socks5_request *q, int watch_fd, uint64_t deadline,
    char **ret_why)
{
	_cleanup_socks5_ struct socks5 s = {0};
	int r;

	r = socks5_begin(&s, q, ret_why);
	while (r == 0)
		r = turn(&s, fd, watch_fd, deadline, ret_why);
	if (r > 0)
		return 0;
	return r == -EPROTO ? -EREMOTEIO : r;
}
