/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * TLS 1.2 and 1.3 as a client, on a non-blocking descriptor that belongs to somebody
 * else. Reading and writing never wait: they say what to poll for instead.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "secret.h"

/*
 * Before anything else here or in common/ that uses OpenSSL: a process ends with its
 * session, and taking OpenSSL apart at exit(3) would only cost time. Again, it does
 * nothing. 0, or -EIO if OpenSSL is not usable.
 */
_must_check_ int tls_init(void);
/*
 * The same for a process that reads no private key: without the names of the ciphers that
 * such a file may be encrypted with, whose list costs more than a resumed handshake.
 */
_must_check_ int tls_init_without_keys(void);

struct tls_context; /* what is believed; made by tls-context.h */
struct tls;

struct tls_context *tls_context_free(struct tls_context *c);
static inline void tls_context_freep(struct tls_context **c)
{
	*c = tls_context_free(*c);
}
#define _cleanup_tls_context_ _cleanup_(tls_context_freep)

/*
 * The folder in which handshakes look certificates up, one by one; NULL if they read no
 * file. Borrowed for as long as the environment stays.
 */
const char *tls_context_anchors(const struct tls_context *c);

/*
 * Prepares a connection to `host` (a DNS name, sent as SNI, or an IP address, RFC 6066 3)
 * whose certificate must name it (RFC 6125). `context` is borrowed and must live as long.
 * 0, -ENOMEM.
 */
_must_check_ int tls_new(
    struct tls_context *context, int fd, const char *host, struct tls **ret);

/*
 * Shows `keys` to a server that asks for a certificate (RFC 8446 4.3.2); they are copied
 * by reference. 0, or -EINVAL if OpenSSL's policy does not take them.
 */
struct tls_keys;
_must_check_ int tls_use_keys(struct tls *tls, const struct tls_keys *keys);

/* Lets go of them; once the handshake is over nobody asks for them again. */
void tls_forget_keys(struct tls *tls);

/* Frees without a word to the peer; takes NULL; returns NULL. */
struct tls *tls_free(struct tls *tls);

/*
 * Offers to resume a session, `bytes` of a tls_session, in the handshake to come; it must
 * have been made under the same tls_policy_context(). False if it is none, or its
 * certificate is over or was last looked at a day ago; then the handshake is a full one,
 * as it is if the server does not want it.
 */
bool tls_offer_session(struct tls *tls, const struct secret *bytes);

/* Whether there was one to be offered. */
bool tls_has_offered(const struct tls *tls);

/* Whether the handshake resumed the session that was offered. */
bool tls_is_resumed(const struct tls *tls);

/* So many sessions of one connection are kept; OpenSSL's servers hand out two. */
#define TLS_SESSIONS_MAX 4

/* A session to be resumed by a later connection (RFC 8446 2.2, RFC 5077). */
struct tls_session {
	struct secret bytes; /* for tls_offer_session() alone; has the session's keys */
	uint64_t lifetime_sec;
	bool single_use; /* RFC 8446 C.4: to be resumed once */
};
void tls_session_done(struct tls_session *s);
#define _cleanup_tls_session_ _cleanup_(tls_session_done)

/*
 * Takes the newest session that the server has handed out and nobody has taken: 1, with
 * `ret`, whose bytes were empty; 0 if there is none (in TLS 1.3 they come after the
 * handshake); -ENOMEM.
 */
_must_check_ int tls_take_session(struct tls *tls, struct tls_session *ret);

/*
 * One step of the handshake: 0 when done; -EAGAIN to go on after polling for
 * tls_events(); -EKEYREJECTED if the peer's certificate is not believed, -EPROTO if TLS
 * itself failed, -ECONNRESET; the last three with *ret_why (malloc'd).
 */
_must_check_ int tls_handshake(struct tls *tls, char **ret_why);

/* What the last -EAGAIN waits for: POLLIN or POLLOUT. */
short tls_events(const struct tls *tls);

/*
 * Up to `n` bytes: > 0; 0 at the end, with close_notify or without (tls_is_truncated());
 * -EAGAIN; -ECONNRESET; -EPROTO.
 */
_must_check_ ssize_t tls_read(struct tls *tls, void *buffer, size_t n);

/* As many of `n` > 0 bytes as go now: > 0, -EAGAIN (to be tried again with the same bytes first),
 * -EPIPE. */
_must_check_ ssize_t tls_write(struct tls *tls, const void *bytes, size_t n);

/* Sends close_notify, after which reading may go on: 0, -EAGAIN, or -EPIPE. */
_must_check_ int tls_close(struct tls *tls);

/* Whether bytes wait inside, decrypted or not, which poll(2) on the descriptor would not show. */
bool tls_has_pending(const struct tls *tls);

/* Whether the peer ended the connection without close_notify. */
bool tls_is_truncated(const struct tls *tls);

/* Whether the handshake has been completed. */
bool tls_is_established(const struct tls *tls);

/* Whether each direction can be closed on its own (TLS 1.3, RFC 8446 6.1). */
bool tls_is_half_closable(const struct tls *tls);

/* Whether the certificate was checked; false only under one of the insecure keys. */
bool tls_is_verified(const struct tls *tls);

/* "TLSv1.3" and "TLS_AES_256_GCM_SHA384": constant strings. */
const char *tls_version(const struct tls *tls);
const char *tls_cipher(const struct tls *tls);
