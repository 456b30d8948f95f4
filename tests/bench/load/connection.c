/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking on purpose: a thread for each connection costs the same whatever lies between
 * the two ends, and what is measured is the difference.
 */

#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define CLIENT_PATIENCE_SEC 60
#define PRINTF_MAX 1024

void connection_init(struct connection *c, int fd, time_t patience_sec)
{
	const struct timeval silence = {.tv_sec = patience_sec};
	const int yes = 1;

	c->fd = fd;
	c->ssl = NULL;
	c->at = c->len = 0;
	/* Without them the figures are worse, not wrong. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
}

void connection_done(struct connection *c)
{
	if (c->ssl)
		(void)SSL_shutdown(c->ssl); /* the peer may have left already */
	SSL_free(c->ssl);
	c->ssl = NULL;
	macro_close(&c->fd);
	c->fd = -1;
}

int connection_dial(struct connection *c, uint16_t port)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	connection_init(c, fd, CLIENT_PATIENCE_SEC);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

static int start_tls(struct connection *c, SSL_CTX *context)
{
	/* What came in plain text counts for nothing. */
	c->at = c->len = 0;
	c->ssl = SSL_new(context);
	return c->ssl && SSL_set_fd(c->ssl, c->fd) == 1 ? 0 : -ENOMEM;
}

int connection_connect_tls(struct connection *c, SSL_CTX *context, const char *host)
{
	int r;

	r = start_tls(c, context);
	if (r < 0)
		return r;
	if (SSL_set1_host(c->ssl, host) != 1 || SSL_connect(c->ssl) != 1)
		return -ECONNRESET;
	return 0;
}

int connection_accept_tls(struct connection *c, SSL_CTX *context)
{
	int r;

	r = start_tls(c, context);
	if (r < 0)
		return r;
	return SSL_accept(c->ssl) == 1 ? 0 : -ECONNRESET;
}

/* Reads what there is behind the input; there must be room. */
static int fill(struct connection *c)
{
	size_t room = sizeof(c->input) - c->len, got = 0;
	ssize_t n;

	if (c->ssl) {
		ERR_clear_error();
		if (SSL_read_ex(c->ssl, c->input + c->len, room, &got) != 1)
			return -ECONNRESET;
		c->len += got;
		return 0;
	}
	n = recv(c->fd, c->input + c->len, room, 0);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	c->len += (size_t)n;
	return 0;
}

/* Moves an unfinished line to the front of the buffer. */
static void make_room(struct connection *c)
{
	memmove(c->input, c->input + c->at, c->len - c->at);
	c->len -= c->at;
	c->at = 0;
}

int connection_line(struct connection *c, char **ret)
{
	char *line, *end;
	int r;

	while (!(end = memchr(c->input + c->at, '\n', c->len - c->at))) {
		make_room(c);
		if (c->len == sizeof(c->input))
			return -EMSGSIZE;
		r = fill(c);
		if (r < 0)
			return r;
	}
	line = c->input + c->at;
	c->at = (size_t)(end + 1 - c->input);
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	*ret = line;
	return 0;
}

int connection_take(struct connection *c, size_t max, const char **ret, size_t *ret_n)
{
	int r;

	if (c->at == c->len) {
		c->at = c->len = 0;
		r = fill(c);
		if (r < 0)
			return r;
	}
	*ret = c->input + c->at;
	*ret_n = MIN_OF(max, c->len - c->at);
	c->at += *ret_n;
	return 0;
}

int connection_skip(struct connection *c, size_t n)
{
	const char *bytes;
	size_t taken = 0;
	int r = 0;

	for (; n > 0 && r == 0; n -= taken)
		r = connection_take(c, n, &bytes, &taken);
	return r;
}

static int write_tls(SSL *ssl, const char *bytes, size_t n)
{
	size_t put;

	ERR_clear_error();
	/* All or nothing, as nobody asked for partial writes. */
	return n == 0 || SSL_write_ex(ssl, bytes, n, &put) == 1 ? 0 : -ECONNRESET;
}

int connection_write(struct connection *c, const char *bytes, size_t n)
{
	ssize_t put;

	if (c->ssl)
		return write_tls(c->ssl, bytes, n);
	while (n > 0) {
		put = send(c->fd, bytes, n, MSG_NOSIGNAL);
		if (put < 0)
			return -errno;
		bytes += put;
		n -= (size_t)put;
	}
	return 0;
}

int connection_puts(struct connection *c, const char *text)
{
	return connection_write(c, text, strlen(text));
}

int connection_printf(struct connection *c, const char *format, ...)
{
	char text[PRINTF_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EMSGSIZE;
	return connection_write(c, text, (size_t)n);
}
