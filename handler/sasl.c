/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice between the mechanisms, and the one challenge loop.
 */

#include "sasl.h"

#include <errno.h>
#include <string.h>

#include "base64.h"

/* More than any mechanism needs; a server that goes on asking is broken or hostile. */
#define CHALLENGES_MAX 8

/*
 * IMAP's LOGIN command, and POP3's USER and PASS, stand in for the mechanism of that name
 * where the server allows them.
 */
static bool is_offered(const struct upstream *u, const struct protocol *protocol,
    const struct sasl_mechanism *m)
{
	const struct capabilities *c = &u->capabilities;

	return (c->mechanisms & m->bit) ||
	       (m->bit == SASL_LOGIN && protocol->login && !c->login_disabled);
}

static bool is_usable(const struct upstream *u, const struct protocol *protocol,
    const struct sasl_mechanism *m, const struct sasl_credentials *c)
{
	if (m->oauth != (c->token != NULL) || !is_offered(u, protocol, m))
		return false;
	return !m->exposes_password || u->stream.tls || c->clear_text_allowed;
}

static const struct sasl_mechanism *choose_preferred(const struct upstream *u,
    const struct protocol *protocol, const struct sasl_credentials *c)
{
	const char *rest = c->preference;

	while (*rest) {
		size_t n = strcspn(rest, " ");
		const struct sasl_mechanism *m = sasl_mechanism_find(rest, n);

		if (m && is_usable(u, protocol, m, c))
			return m;
		rest += n;
		rest += strspn(rest, " ");
	}
	return NULL;
}

static const struct sasl_mechanism *choose_default(const struct upstream *u,
    const struct protocol *protocol, const struct sasl_credentials *c)
{
	const struct sasl_mechanism *scram =
	    sasl_mechanism_find("SCRAM-SHA-256", strlen("SCRAM-SHA-256"));

	if (!u->stream.tls && is_usable(u, protocol, scram, c))
		return scram; /* better than a password in clear, even where that is allowed */
	for (size_t i = 0; i < SASL_MECHANISMS; i++)
		if (is_usable(u, protocol, &sasl_mechanisms[i], c))
			return &sasl_mechanisms[i];
	return NULL;
}

static int explain_none(struct upstream *u, const struct sasl_credentials *c)
{
	_cleanup_secret_ struct secret offered = {0};

	for (size_t i = 0; i < SASL_MECHANISMS; i++)
		if ((u->capabilities.mechanisms & sasl_mechanisms[i].bit) &&
		    secret_printf(&offered, "%s%s", offered.len ? " " : "",
			sasl_mechanisms[i].name) < 0)
			return -ENOMEM;
	return upstream_fail(u, -EOPNOTSUPP,
	    "the server offers no mechanism to log in that fits %s%s%s; of those known "
	    "it offers: %s",
	    c->token ? "an OAuth token" : "a password",
	    u->stream.tls ? "" : " without TLS",
	    c->preference ? " and mail.<protocol>.auth.mechanisms" : "",
	    offered.len ? secret_str(&offered) : "none");
}

int sasl_choose(struct upstream *u, const struct protocol *protocol,
    const struct sasl_credentials *c, const struct sasl_mechanism **ret)
{
	const struct sasl_mechanism *m;

	m = c->preference ? choose_preferred(u, protocol, c)
			  : choose_default(u, protocol, c);
	if (!m)
		return explain_none(u, c);
	*ret = m;
	return 0;
}

/* A step of ours went wrong: what the mechanism's -errno means to the login. */
static int explain_step(struct upstream *u, const struct sasl_mechanism *m, int error)
{
	switch (-error) {
	case EINVAL:
		return upstream_fail(u, -EOPNOTSUPP,
		    "%s is possible only with printable ASCII in user and password",
		    m->name);
	case EBADMSG:
	case EPROTO:
		return upstream_fail(u, -EPROTO,
		    "the server sent a challenge that is not one of %s", m->name);
	}
	return upstream_fail(
	    u, error, "no response to %s: %s", m->name, strerror(-error));
}

/* The mechanism's next response, encoded. */
static int next_response(struct upstream *u, const struct sasl_mechanism *m,
    struct sasl_session *s, const struct secret *challenge, struct secret *encoded)
{
	_cleanup_secret_ struct secret response = {0};
	int r;

	secret_clear(encoded);
	r = m->respond(s, challenge, &response);
	if (r < 0)
		return explain_step(u, m, r);
	s->step++;
	r = base64_encode(secret_str(&response), response.len, encoded);
	return r < 0 ? r : upstream_hide(u, secret_str(encoded));
}

/*
 * Decodes a challenge. Where its content does not matter (LOGIN's prompts, failure
 * reports), servers send plain text too; it is taken as it is.
 */
static int decode_challenge(
    const struct sasl_mechanism *m, const struct secret *encoded, struct secret *ret)
{
	int r;

	r = base64_decode(secret_str(encoded), encoded->len, ret);
	if (r == -EBADMSG && m->bit != SASL_SCRAM_SHA_256)
		return secret_append(ret, secret_str(encoded), encoded->len);
	return r;
}

/* Sends the command, and the initial response with it or after an empty challenge. */
static int begin(struct upstream *u, const struct protocol *protocol,
    const struct sasl_mechanism *m, struct sasl_session *s, struct secret *challenge)
{
	_cleanup_secret_ struct secret encoded = {0};
	int r;

	if (!m->client_first)
		return protocol->auth(u, m->name, NULL, challenge);
	r = next_response(u, m, s, NULL, &encoded);
	if (r < 0)
		return r;
	if (protocol->takes_initial(u, m->name, encoded.len))
		return protocol->auth(u, m->name, secret_str(&encoded), challenge);
	r = protocol->auth(u, m->name, NULL, challenge);
	if (r == 0)
		s->step = 0; /* the response has not been sent */
	if (r <= 0)
		return r;
	secret_clear(challenge);
	return protocol->answer(u, secret_str(&encoded), challenge);
}

static int finish(
    struct upstream *u, const struct sasl_mechanism *m, struct sasl_session *s)
{
	if (s->refused)
		return upstream_fail(
		    u, -EPROTO, "the server accepted the login after it had refused it");
	if (s->step < m->responses)
		return upstream_fail(
		    u, -EPROTO, "the server accepted a login that was not made");
	if (m->bit == SASL_SCRAM_SHA_256 && !s->server_proved)
		return upstream_fail(
		    u, -EPROTO, "the server did not prove that it knows the password");
	return 0;
}

/* After a refusal, says what the failure challenge said, which is more than the reply does. */
static int explain_refusal(struct upstream *u, const struct sasl_session *s)
{
	_cleanup_free_ char *reply = TAKE_PTR(u->why);

	if (s->failure.len == 0 || !reply) {
		u->why = TAKE_PTR(reply);
		return -EACCES;
	}
	return upstream_fail_quoting(
	    u, -EACCES, reply, secret_str(&s->failure), s->failure.len);
}

static int run(struct upstream *u, const struct protocol *protocol,
    const struct sasl_mechanism *m, struct sasl_session *s)
{
	_cleanup_secret_ struct secret challenge = {0}, encoded = {0};
	int r;

	r = begin(u, protocol, m, s, &challenge);
	for (unsigned n = 0; r == 1; n++) {
		_cleanup_secret_ struct secret decoded = {0};

		if (n == CHALLENGES_MAX)
			return upstream_fail(
			    u, -EPROTO, "the server does not end the login");
		r = decode_challenge(m, &challenge, &decoded);
		if (r < 0)
			return explain_step(u, m, r);
		r = next_response(u, m, s, &decoded, &encoded);
		if (r < 0)
			return r;
		secret_clear(&challenge);
		r = protocol->answer(u, secret_str(&encoded), &challenge);
	}
	if (r == -EACCES)
		return explain_refusal(u, s);
	return r < 0 ? r : finish(u, m, s);
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static int log_in_by_command(
    struct upstream *u, const struct protocol *protocol, const struct sasl_credentials *c)
{
	if (!is_ascii(c->user) || !is_ascii(c->password))
		return upstream_fail(u, -EOPNOTSUPP,
		    "the server offers nothing but %s's own login command, "
		    "which takes only ASCII in user and password",
		    protocol->name);
	return protocol->login(u, c->user, c->password);
}

int sasl_login(struct upstream *u, const struct protocol *protocol,
    const struct sasl_mechanism *m, const struct sasl_credentials *c)
{
	_cleanup_sasl_session_ struct sasl_session s = {.c = c};
	int r;

	r = upstream_hide(u, c->token ? c->token : c->password);
	if (r < 0)
		return r;
	if (m->bit == SASL_LOGIN && !(u->capabilities.mechanisms & SASL_LOGIN))
		return log_in_by_command(u, protocol, c);
	return run(u, protocol, m, &s);
}
