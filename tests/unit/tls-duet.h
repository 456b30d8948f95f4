/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A TLS server that takes turns with our client in one process, so that one server, with
 * its tickets and its cache, sees connection after connection, thousands if need be. */

#include <time.h>

#include "tls-peer.h"
#include "tls-private.h"

/* A handshake's flights, with room. */
#define TLS_DUET_TURNS_MAX 32

struct tls_duet {
	struct tls_peer peer; /* for its certificates; begun by the test */
	SSL_CTX *server;
	struct tls_context *context; /* the client's */
};

/* One connection of it. */
struct tls_duet_call {
	int fds[2];
	struct tls *tls;
	SSL *server;
	bool offered; /* what tls_offer_session() said */
	char *why;
};
#define TLS_DUET_CALL_INIT        \
	{                         \
		.fds = { -1, -1 } \
	}

static inline void tls_duet_call_done(struct tls_duet_call *c)
{
	tls_free(c->tls);
	if (c->server) /* in good order, else it forgets the session */
		SSL_set_shutdown(c->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->server);
	free(c->why);
	for (unsigned i = 0; i < 2; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	*c = (struct tls_duet_call)TLS_DUET_CALL_INIT;
}
#define _cleanup_tls_duet_call_ _cleanup_(tls_duet_call_done)

/* A server of one version with the peer's certificate. */
static inline SSL_CTX *tls_duet_server(const struct tls_peer *p, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, version), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, version), 1);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, p->certificate), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, p->key), 1);
	return ctx;
}

static inline void tls_duet_begin(
    struct tls_duet *d, int version, const struct tls_trust *trust)
{
	tls_peer_begin(&d->peer);
	d->server = tls_duet_server(&d->peer, version);
	d->context = tls_peer_context(&d->peer, trust, "mail.example");
}

/* Another server takes its place, which knows nothing of its sessions. */
static inline void tls_duet_restart(struct tls_duet *d, int version)
{
	SSL_CTX_free(d->server);
	d->server = tls_duet_server(&d->peer, version);
}

static inline void tls_duet_done(struct tls_duet *d)
{
	SSL_CTX_free(d->server);
	tls_context_free(d->context);
	tls_peer_done(&d->peer);
}
#define _cleanup_tls_duet_ _cleanup_(tls_duet_done)

/* The server has a word after the handshake, behind what TLS 1.3 sends there. */
static inline void tls_duet_greet(struct tls_duet_call *c)
{
	char byte = 'x';

	ck_assert_int_eq(SSL_accept(c->server), 1);
	ck_assert_int_eq(SSL_write(c->server, &byte, 1), 1);
	ck_assert_int_eq(tls_read(c->tls, &byte, 1), 1);
}

/* Connects, offering a session unless that is NULL; what tls_handshake() said. */
static inline int tls_duet_connect(
    struct tls_duet *d, const struct secret *session, struct tls_duet_call *c)
{
	int r = -EAGAIN;

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, c->fds),
	    0);
	ck_assert_int_eq(tls_new(d->context, c->fds[0], "mail.example", &c->tls), 0);
	if (session)
		c->offered = tls_offer_session(c->tls, session);
	c->server = SSL_new(d->server);
	ck_assert_ptr_nonnull(c->server);
	ck_assert_int_eq(SSL_set_fd(c->server, c->fds[1]), 1);
	for (unsigned i = 0; i < TLS_DUET_TURNS_MAX && r == -EAGAIN; i++) {
		r = tls_handshake(c->tls, &c->why);
		if (r == -EAGAIN)
			(void)SSL_accept(c->server); /* its failures are told to us */
	}
	if (r == 0)
		tls_duet_greet(c);
	return r;
}

/* Connects for a session: the newest of a full handshake. */
static inline void tls_duet_get_session(struct tls_duet *d, struct tls_session *ret)
{
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;

	ck_assert_int_eq(tls_duet_connect(d, NULL, &c), 0);
	ck_assert_int_eq(tls_take_session(c.tls, ret), 1);
}

/* The moment at the front of a session's bytes, in seconds of the wall clock. */
static inline uint64_t tls_duet_moment(const struct secret *bytes)
{
	uint64_t moment = 0;

	ck_assert_uint_gt(bytes->len, 8);
	for (unsigned i = 0; i < 8; i++)
		moment = moment << 8 | (unsigned char)bytes->data[i];
	return moment;
}

static inline void tls_duet_set_moment(struct secret *bytes, uint64_t moment)
{
	ck_assert_uint_gt(bytes->len, 8);
	for (unsigned i = 0; i < 8; i++)
		bytes->data[i] = (char)(moment >> (8 * (7 - i)));
}
