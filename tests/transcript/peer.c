/* SPDX-License-Identifier: Apache-2.0 */
/* Plain or TLS, never waiting: the caller polls. */

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define READ_SIZE ((size_t)64 * 1024)

void peer_done(struct peer *p)
{
	SSL_free(p->ssl);
	if (p->fd >= 0)
		(void)close(p->fd); /* the dialogue is over */
	secret_done(&p->in);
	secret_done(&p->seen);
	secret_done(&p->out);
	*p = (struct peer)PEER_INIT;
}

int peer_send(struct peer *p, const void *bytes, size_t n)
{
	return secret_append(&p->out, bytes, n);
}

static void close_now(struct peer *p)
{
	SSL_free(p->ssl);
	p->ssl = NULL;
	(void)close(p->fd); /* how it ends is up to the other side now */
	p->fd = -1;
}

static void end_now(struct peer *p)
{
	static const struct linger at_once = {.l_onoff = 1};
	enum peer_end how = p->then;

	p->then = PEER_STAYS;
	ERR_clear_error();
	if (p->ssl && (how == PEER_HALF_CLOSES || how == PEER_CLOSES))
		(void)SSL_shutdown(p->ssl); /* a few bytes, which always fit */
	else if (how == PEER_HALF_CLOSES)
		(void)shutdown(p->fd, SHUT_WR); /* or there is nobody left to tell */
	if (how == PEER_RESETS)
		(void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (how != PEER_HALF_CLOSES)
		close_now(p);
}

void peer_end(struct peer *p, enum peer_end how)
{
	p->then = how;
	peer_flush(p);
}

bool peer_has_output(const struct peer *p)
{
	return p->fd >= 0 && !p->broken && p->out.len > 0;
}

/* How many bytes of the queue went out; -EAGAIN, -EPIPE. */
static ssize_t write_some(struct peer *p)
{
	size_t put = 0;
	ssize_t n;

	if (!p->ssl) {
		n = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		return n >= 0 ? n : errno == EAGAIN ? -EAGAIN : -EPIPE;
	}
	ERR_clear_error();
	if (SSL_write_ex(p->ssl, p->out.data, p->out.len, &put) == 1)
		return (ssize_t)put;
	return SSL_want_write(p->ssl) || SSL_want_read(p->ssl) ? -EAGAIN : -EPIPE;
}

void peer_flush(struct peer *p)
{
	ssize_t n = 0;

	if (p->fd < 0)
		return;
	while (!p->broken && p->out.len > 0 && n >= 0) {
		n = write_some(p);
		if (n > 0)
			secret_consume(&p->out, (size_t)n);
		if (n == -EPIPE)
			p->broken = true;
	}
	if (p->then != PEER_STAYS && !peer_has_output(p))
		end_now(p);
}

/* > 0 bytes, 0 at the end, -EAGAIN. */
static ssize_t read_tls(struct peer *p, char *buffer)
{
	size_t got = 0;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(p->ssl, buffer, READ_SIZE, &got);
	if (r == 1)
		return (ssize_t)got;
	switch (SSL_get_error(p->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		p->events = POLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		p->events = POLLOUT;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		p->notified = true;
	}
	return 0;
}

static ssize_t read_plain(struct peer *p, char *buffer)
{
	ssize_t n = recv(p->fd, buffer, READ_SIZE, MSG_DONTWAIT);

	p->events = POLLIN;
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	p->reset = n < 0;
	return n < 0 ? 0 : n;
}

bool peer_fill(struct peer *p)
{
	ssize_t n;

	if (p->fd < 0 || p->ended || secret_reserve(&p->in, READ_SIZE) < 0)
		return true;
	n = p->ssl ? read_tls(p, p->in.data + p->in.len)
		   : read_plain(p, p->in.data + p->in.len);
	if (n < 0)
		return false;
	p->ended = n == 0;
	if (secret_append(&p->seen, p->in.data + p->in.len, (size_t)n) < 0)
		p->ended = true;
	p->in.len += (size_t)n;
	p->in.data[p->in.len] = '\0';
	return true;
}

int peer_handshake(struct peer *p, SSL_CTX *ctx)
{
	int r;

	if (!p->ssl) {
		p->ssl = SSL_new(ctx);
		if (!p->ssl || SSL_set_fd(p->ssl, p->fd) != 1 ||
		    fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0)
			return -EPROTO;
		SSL_set_mode(p->ssl,
		    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	}
	ERR_clear_error();
	r = SSL_accept(p->ssl);
	if (r == 1)
		return 0;
	switch (SSL_get_error(p->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		p->events = POLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		p->events = POLLOUT;
		return -EAGAIN;
	}
	return -EPROTO;
}
