/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A buffered connection: one descriptor to read, one to write (the same for a socket),
 * plain or under TLS. What waits, waits under an absolute deadline, and can watch the
 * other side's descriptor so that nobody waits for a server on behalf of a client that is
 * gone.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "secret.h"
#include "tls.h"

struct stream {
	int in_fd, out_fd;   /* owned; -1 when closed */
	struct tls *tls;     /* owned; NULL in plain text */
	struct secret input; /* read and not yet consumed */
	bool ended;	     /* the peer will send no more */
	int watch_fd; /* borrowed; its reset ends our waits with -ECONNABORTED; or -1 */
};
#define STREAM_INIT                                       \
	{                                                 \
		.in_fd = -1, .out_fd = -1, .watch_fd = -1 \
	}

/* A line at the front of a stream's input; valid until the stream is used again. */
struct line {
	const char *text; /* not NUL-terminated; may hold any byte */
	size_t len;	  /* without its CRLF or LF */
	size_t raw_len;	  /* with it */
};

/* Takes over the descriptors, which may be equal, and makes them non-blocking. 0 or -errno. */
_must_check_ int stream_init(struct stream *s, int in_fd, int out_fd);

/* Closes and wipes; the struct may be used again after stream_init(). */
void stream_done(struct stream *s);

/*
 * Reads what is there, waiting for at least one byte: > 0; 0 at the end; -ETIMEDOUT;
 * -ECONNABORTED; -ECONNRESET and the like.
 */
_must_check_ int stream_fill(struct stream *s, uint64_t deadline);

/* The same without waiting: -EAGAIN if nothing is there. */
_must_check_ int stream_fill_now(struct stream *s);

/* Finds a whole line in the input: true if there is one. */
bool stream_find_line(const struct stream *s, struct line *ret);

/*
 * Waits for a whole line of at most `max` bytes, which stays in the input until
 * stream_drop_line(). 1; 0 at the end of the stream (what came of an unfinished line
 * stays in `input`); -EMSGSIZE if no line end comes within `max` bytes; else as
 * stream_fill().
 */
_must_check_ int stream_line(
    struct stream *s, size_t max, uint64_t deadline, struct line *ret);
void stream_drop_line(struct stream *s, const struct line *line);

/* Writes all: 0, -ETIMEDOUT, -ECONNABORTED, -EPIPE, ... */
_must_check_ int stream_write(
    struct stream *s, const void *bytes, size_t n, uint64_t deadline);

/* How a handshake begins. Borrowed. */
struct tls_hello {
	const char *host;	       /* see tls_new() */
	const struct tls_keys *keys;   /* our certificate; NULL for none */
	const struct secret *session; /* to resume, if that can be; NULL or empty for none */
};

/*
 * The handshake, from the first byte to the last: 0; -EINVAL if the certificate cannot be
 * used; or -errno with *ret_why, see tls_handshake().
 */
_must_check_ int stream_start_tls(struct stream *s, struct tls_context *context,
    const struct tls_hello *hello, uint64_t deadline, char **ret_why);

/*
 * One attempt at moving bytes, for the relay: > 0, 0 at the end (reading), -EAGAIN with
 * *ret_events set to what to poll for, or -errno.
 */
_must_check_ ssize_t stream_read_some(
    struct stream *s, void *buffer, size_t n, short *ret_events);
_must_check_ ssize_t stream_write_some(
    struct stream *s, const void *bytes, size_t n, short *ret_events);

/* Whether bytes have been read or decrypted that poll(2) would not show. */
bool stream_has_input(const struct stream *s);

/* Whether a connected peer has reset the connection, or is gone from a Unix socket. */
bool stream_is_reset(int fd);
