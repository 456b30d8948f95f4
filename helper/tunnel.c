/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves what socks5.c writes and asks for. Reads are as long as it says and not a byte
 * longer, since the TLS handshake behind them is libcurl's to read.
 */

#include "tunnel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "deadline.h"
#include "reason.h"

struct tunnel {
	struct socks5 socks5;
	unsigned char piece[SOCKS5_NEED_MAX]; /* of what is needed */
	size_t have;
	int fd;
	sd_event_source *io, *timer;
	tunnel_done_fn done;
	void *userdata;
};

struct tunnel *tunnel_free(struct tunnel *t)
{
	if (!t)
		return NULL;
	sd_event_source_disable_unref(t->io);
	sd_event_source_disable_unref(t->timer);
	socks5_done(&t->socks5);
	free(t);
	return NULL;
}

static void tunnel_freep(struct tunnel **t)
{
	tunnel_free(*t);
}

static int explain(int error, char **ret_why)
{
	return reason_set(
	    ret_why, error, "the connection to the proxy failed: %s", strerror(-error));
}

/* 0 if all is sent or the socket is full; -errno. */
static int flush(struct tunnel *t, char **ret_why)
{
	struct secret *out = &t->socks5.out;
	ssize_t n;

	while (out->len > 0) {
		n = send(t->fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return explain(-errno, ret_why);
		secret_consume(out, (size_t)n);
	}
	return 0;
}

/* Takes what there is of what is needed: 1 if connected, 0 to go on, -errno. */
static int take(struct tunnel *t, char **ret_why)
{
	ssize_t n;
	int r;

	while (t->socks5.out.len == 0) {
		n = recv(
		    t->fd, t->piece + t->have, t->socks5.need - t->have, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return explain(-errno, ret_why);
		if (n == 0)
			return reason_set(ret_why, -ECONNRESET,
			    "the proxy closed the connection where it had to answer");
		t->have += (size_t)n;
		if (t->have < t->socks5.need)
			continue;
		t->have = 0;
		r = socks5_take(&t->socks5, t->piece, t->socks5.need, ret_why);
		if (r != 0)
			return r;
		r = flush(t, ret_why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	_cleanup_free_ char *why = NULL;
	struct tunnel *t = userdata;
	int r;

	(void)fd;
	(void)events;
	r = flush(t, &why);
	if (r == 0)
		r = take(t, &why);
	if (r == 0)
		r = sd_event_source_set_io_events(
		    source, t->socks5.out.len > 0 ? EPOLLOUT : EPOLLIN);
	if (r == 0)
		return 0;
	t->done(t->userdata, r > 0 ? 0 : r, why ? why : "out of memory");
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct tunnel *t = userdata;

	(void)source;
	(void)usec;
	t->done(t->userdata, -ETIMEDOUT,
	    "the proxy timed out: it is connected and does not answer");
	return 0;
}

int tunnel_start(sd_event *event, int fd, const struct socks5_request *q,
    uint64_t until_usec, tunnel_done_fn done, void *userdata, struct tunnel **ret,
    char **ret_why)
{
	_cleanup_(tunnel_freep) struct tunnel *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->fd = fd;
	t->done = done;
	t->userdata = userdata;
	r = socks5_begin(&t->socks5, q, ret_why);
	if (r < 0)
		return r;
	if (sd_event_add_io(event, &t->io, fd, EPOLLOUT, on_io, t) < 0 ||
	    sd_event_add_time(event, &t->timer, CLOCK_MONOTONIC, until_usec,
		50 * USEC_PER_MSEC, on_timer, t) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(t);
	return 0;
}
