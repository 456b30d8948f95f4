/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login as straight-line code. What was learnt in plain text is forgotten when TLS
 * begins, bytes that came behind the go-ahead end the session, and a secret leaves only
 * on the connection that the destination's keys allow.
 */

#include "login.h"

#include <errno.h>

#include "deadline.h"
#include "dial.h"
#include "sasl.h"

/* Ports on which a server waits for our TLS before it says a word. */
#define TLS_PORT_GREETING_USEC (3 * USEC_PER_SEC)

static void enter(const struct login *l, struct upstream *u, const char *phase)
{
	u->phase = phase;
	if (l->on_phase)
		l->on_phase(phase, l->userdata);
}

static int start_tls(const struct login *l, struct upstream *u)
{
	const struct tls_hello hello = {
	    .host = l->destination->host,
	    .keys = l->keys,
	    .session = l->tls_session,
	};
	uint64_t deadline = upstream_reply_deadline(u);
	int r;

	enter(l, u, "starting TLS");
	upstream_forget_capabilities(u);
	r = stream_start_tls(&u->stream, l->tls, &hello, deadline, &u->why);
	if (r == -EINVAL)
		return r;
	return r < 0 ? upstream_fail_stream(u, r) : 0;
}

static bool is_tls_port(uint16_t port)
{
	return port == mail_protocol_port(MAIL_SMTPS) ||
	       port == mail_protocol_port(MAIL_IMAP4S) ||
	       port == mail_protocol_port(MAIL_POP3S);
}

static int read_greeting(const struct login *l, struct upstream *u)
{
	bool suspect = !u->stream.tls && is_tls_port(l->destination->port);
	uint64_t patience = u->reply_timeout_usec;
	int r;

	enter(l, u, "waiting for the greeting");
	if (!suspect)
		return l->protocol->greeting(u);
	u->reply_timeout_usec = MIN_OF(patience, TLS_PORT_GREETING_USEC);
	r = stream_fill(&u->stream, upstream_reply_deadline(u));
	u->reply_timeout_usec = patience;
	if (r == -ETIMEDOUT)
		return upstream_fail(u, -EINVAL,
		    "no greeting: port %u speaks TLS from the first byte; set "
		    "mail.transport.protocol to %s",
		    (unsigned)l->destination->port, l->protocol->tls_name);
	return r < 0 ? upstream_fail_stream(u, r) : l->protocol->greeting(u);
}

static int ask_capabilities(const struct login *l, struct upstream *u)
{
	enter(l, u, "asking for capabilities");
	return l->protocol->capabilities(u);
}

static int upgrade(const struct login *l, struct upstream *u)
{
	int r;

	enter(l, u, "asking for STARTTLS");
	r = l->protocol->starttls(u);
	if (r < 0)
		return r;
	if (stream_has_input(&u->stream))
		return upstream_fail(u, -EPROTO,
		    "the server sent more behind its go-ahead for TLS: an injection, or "
		    "broken");
	r = start_tls(l, u);
	u->starttls_ahead = false;
	u->upgraded = true;
	return r < 0 ? r : ask_capabilities(l, u);
}

int login_prepare(const struct login *l, struct upstream *u)
{
	enum tls_mode mode = l->destination->tls_mode;
	int r;

	u->starttls_ahead =
	    mode == TLS_STARTTLS_REQUIRED || mode == TLS_STARTTLS_IF_OFFERED;
	if (mode == TLS_IMPLICIT) {
		r = start_tls(l, u);
		if (r < 0)
			return r;
	}
	r = read_greeting(l, u);
	if (r < 0)
		return r;
	r = ask_capabilities(l, u);
	if (r < 0 || mode == TLS_IMPLICIT || mode == TLS_NEVER)
		return r;
	if (u->capabilities.starttls)
		return upgrade(l, u);
	if (mode == TLS_STARTTLS_REQUIRED)
		return upstream_fail(u, -EOPNOTSUPP,
		    "the server does not offer STARTTLS, and the destination needs "
		    "encryption");
	u->starttls_ahead = false;
	return 0;
}

/* Whether the secret at hand may leave on this connection. */
static int check_secrecy(const struct login *l, struct upstream *u)
{
	enum tls_mode mode = l->destination->tls_mode;

	if (!u->stream.tls && (mode == TLS_IMPLICIT || mode == TLS_STARTTLS_REQUIRED))
		return upstream_fail(u, -EOPNOTSUPP,
		    "the connection is not encrypted, and the destination wants it so");
	if (u->stream.tls || l->destination->proxy_type != PROXY_INTERNET)
		return 0;
	/* behind a proxy on this host the server may be anywhere */
	if (l->token &&
	    (l->destination->socks_host || dial_peer_is_local(u->stream.in_fd) <= 0))
		return upstream_fail(u, -EOPNOTSUPP,
		    "an OAuth token never crosses an unencrypted connection, and the "
		    "server has "
		    "no TLS");
	return 0;
}

int login_authenticate(struct login *l, struct upstream *u)
{
	const struct destination *d = l->destination;
	const struct sasl_credentials credentials = {
	    .user = d->user,
	    .password = l->token ? NULL : d->password,
	    .token = l->token,
	    .host = d->host,
	    .port = d->port,
	    .preference = d->mechanisms,
	    /* on-premise it is the Cloud Connector's tunnel that encrypts */
	    .clear_text_allowed =
		d->clear_text_allowed || d->proxy_type == PROXY_ON_PREMISE,
	};
	const struct sasl_mechanism *mechanism;
	int r;

	enter(l, u, "choosing how to log in");
	r = check_secrecy(l, u);
	if (r == 0)
		r = sasl_choose(u, l->protocol, &credentials, &mechanism);
	if (r < 0)
		return r;
	l->mechanism = sasl_mechanism_name(mechanism);
	enter(l, u, "logging in");
	r = sasl_login(u, l->protocol, mechanism, &credentials);
	if (r < 0)
		return r;
	return ask_capabilities(l, u);
}
