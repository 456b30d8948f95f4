/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One end of a connection, blocking, plain or TLS: what the load and the upstream are
 * made of. All functions return 0 or -errno; the end of the stream is -ECONNRESET, and so
 * is whatever TLS complains of.
 */

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "macro.h"

#define CONNECTION_INPUT_SIZE ((size_t)64 * 1024)

struct connection {
	int fd;		/* owned; -1 when closed */
	SSL *ssl;	/* owned; NULL in plain text */
	size_t at, len; /* of `input`: read and not yet consumed is [at, len) */
	char input[CONNECTION_INPUT_SIZE];
};

/* Takes over a connected socket; its reads fail after so many seconds of silence. */
void connection_init(struct connection *c, int fd, time_t patience_sec);

/* Says goodbye in TLS, and closes. */
void connection_done(struct connection *c);

/* Connects to 127.0.0.1. */
_must_check_ int connection_dial(struct connection *c, uint16_t port);

/* The handshake as a client that checks the server to be `host`, or as a server. */
_must_check_ int connection_connect_tls(
    struct connection *c, SSL_CTX *context, const char *host);
_must_check_ int connection_accept_tls(struct connection *c, SSL_CTX *context);

/*
 * The next line, NUL-terminated and without its CRLF; it stays in the connection's buffer
 * and is valid until the next call. -EMSGSIZE if it does not fit there.
 */
_must_check_ int connection_line(struct connection *c, char **ret);

/* Takes what has come, at least one byte and at most `max`; valid until the next call. */
_must_check_ int connection_take(
    struct connection *c, size_t max, const char **ret, size_t *ret_n);
_must_check_ int connection_skip(struct connection *c, size_t n);

_must_check_ int connection_write(struct connection *c, const char *bytes, size_t n);
_must_check_ int connection_puts(struct connection *c, const char *text);
/* At most 1,023 characters, else -EMSGSIZE. */
_must_check_ int connection_printf(struct connection *c, const char *format, ...)
    _printf_(2, 3);
