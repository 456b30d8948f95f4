/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in and out, plain or TLS. There are exactly two transports, known at compile
 * time, so the branch between them stands in two functions and is no table of functions.
 */

#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "deadline.h"
#include "reason.h"

#define READ_SIZE 4096

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int stream_init(struct stream *s, int in_fd, int out_fd)
{
	int r;

	*s = (struct stream){.in_fd = in_fd, .out_fd = out_fd, .watch_fd = -1};
	r = set_nonblocking(in_fd);
	return r < 0 || in_fd == out_fd ? r : set_nonblocking(out_fd);
}

void stream_done(struct stream *s)
{
	s->tls = tls_free(s->tls);
	if (s->out_fd >= 0 && s->out_fd != s->in_fd)
		(void)close(s->out_fd); /* the peer has long got what it will get */
	if (s->in_fd >= 0)
		(void)close(s->in_fd); /* likewise */
	secret_done(&s->input);
	*s = (struct stream)STREAM_INIT;
}

bool stream_is_reset(int fd)
{
	struct pollfd p = {.fd = fd};
	char byte;

	errno = 0;
	if (fd < 0 || poll(&p, 1, 0) <= 0)
		return false;
	if (p.revents & (POLLERR | POLLNVAL))
		return true;
	if (!(p.revents & POLLHUP))
		return false;
	/*
	 * Both directions are gone. What was sent before still counts while it is unread;
	 * a pipe whose writer has ended looks the same and is no socket.
	 */
	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 && errno != ENOTSOCK;
}

/* -ECONNABORTED says here that the *watched* side is gone, which no call on our own may say. */
static int network_error(int error)
{
	return error == ECONNABORTED ? -ECONNRESET : -error;
}

ssize_t stream_read_some(struct stream *s, void *buffer, size_t n, short *ret_events)
{
	ssize_t got;

	if (s->tls) {
		got = tls_read(s->tls, buffer, n);
		*ret_events = tls_events(s->tls);
		return got < 0 ? network_error((int)-got) : got;
	}
	do
		got = read(s->in_fd, buffer, n);
	while (got < 0 && errno == EINTR);
	*ret_events = POLLIN;
	return got < 0 ? network_error(errno) : got;
}

ssize_t stream_write_some(
    struct stream *s, const void *bytes, size_t n, short *ret_events)
{
	ssize_t put;

	if (s->tls) {
		put = tls_write(s->tls, bytes, n);
		*ret_events = tls_events(s->tls);
		return put < 0 ? network_error((int)-put) : put;
	}
	do
		put = write(s->out_fd, bytes, n);
	while (put < 0 && errno == EINTR);
	*ret_events = POLLOUT;
	return put < 0 ? network_error(errno) : put;
}

/* Waits for our descriptor while the watched one stays alive. */
static int wait_for(struct stream *s, short events, uint64_t deadline)
{
	int fd = (events & POLLOUT) && !s->tls ? s->out_fd : s->in_fd;
	struct pollfd fds[] = {
	    {.fd = fd, .events = events},
	    {.fd = s->watch_fd}, /* poll(2) reports errors and hang-ups unasked */
	};
	int r;

	for (;;) {
		r = deadline_poll(fds, ELEMENTSOF(fds), deadline);
		if (r < 0)
			return r;
		if (fds[0].revents)
			return 0;
		if (stream_is_reset(s->watch_fd))
			return -ECONNABORTED;
		fds[1].fd = -1; /* hung up, but what it sent is still to be relayed */
	}
}

static int fill(struct stream *s, short *ret_events)
{
	ssize_t n;
	int r;

	if (s->ended)
		return 0;
	r = secret_reserve(&s->input, READ_SIZE);
	if (r < 0)
		return r;
	n = stream_read_some(s, s->input.data + s->input.len, READ_SIZE, ret_events);
	if (n == 0)
		s->ended = true;
	if (n <= 0)
		return (int)n;
	s->input.len += (size_t)n;
	s->input.data[s->input.len] = '\0';
	return (int)n;
}

int stream_fill_now(struct stream *s)
{
	short ignored;

	return fill(s, &ignored);
}

int stream_fill(struct stream *s, uint64_t deadline)
{
	short events;
	int r;

	for (;;) {
		r = fill(s, &events);
		if (r != -EAGAIN)
			return r;
		r = wait_for(s, events, deadline);
		if (r == 0 && deadline_poll_timeout(deadline) == 0)
			r = -ETIMEDOUT; /* TLS records without data are no progress */
		if (r < 0)
			return r;
	}
}

bool stream_find_line(const struct stream *s, struct line *ret)
{
	const char *end = s->input.len ? memchr(s->input.data, '\n', s->input.len) : NULL;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - s->input.data);
	ret->text = s->input.data;
	ret->raw_len = len + 1;
	ret->len = len > 0 && s->input.data[len - 1] == '\r' ? len - 1 : len;
	return true;
}

int stream_line(struct stream *s, size_t max, uint64_t deadline, struct line *ret)
{
	int r;

	for (;;) {
		if (stream_find_line(s, ret))
			return ret->raw_len > max ? -EMSGSIZE : 1;
		if (s->input.len >= max)
			return -EMSGSIZE;
		/* a peer that always has another byte ready must not outlive the deadline */
		if (deadline_poll_timeout(deadline) == 0)
			return -ETIMEDOUT;
		r = stream_fill(s, deadline);
		if (r <= 0)
			return r;
	}
}

void stream_drop_line(struct stream *s, const struct line *line)
{
	secret_consume(&s->input, line->raw_len);
}

int stream_write(struct stream *s, const void *bytes, size_t n, uint64_t deadline)
{
	const char *rest = bytes;
	short events;
	int r;

	while (n > 0) {
		ssize_t put = stream_write_some(s, rest, n, &events);

		if (put > 0) {
			rest += put;
			n -= (size_t)put;
			continue;
		}
		if (put != -EAGAIN)
			return put < 0 ? (int)put : -EPIPE;
		r = wait_for(s, events, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

int stream_start_tls(struct stream *s, struct tls_context *context,
    const struct tls_hello *hello, uint64_t deadline, char **ret_why)
{
	int r;

	r = tls_new(context, s->in_fd, hello->host, &s->tls);
	if (r == 0 && hello->keys)
		r = tls_use_keys(s->tls, hello->keys);
	if (r == -EINVAL)
		return reason_set(ret_why, r,
		    "our certificate does not meet OpenSSL's security level");
	if (r == 0 && hello->session)
		tls_offer_session(s->tls, hello->session); /* else a full handshake */
	while (r == 0) {
		r = tls_handshake(s->tls, ret_why);
		if (r != -EAGAIN)
			return r;
		r = wait_for(s, tls_events(s->tls), deadline);
		if (r == 0 && deadline_poll_timeout(deadline) == 0)
			r = -ETIMEDOUT;
	}
	return r;
}

bool stream_has_input(const struct stream *s)
{
	return s->input.len > 0 || (s->tls && tls_has_pending(s->tls));
}
