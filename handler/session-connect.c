/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From resolved names to a server that is as encrypted as it shall be and whose
 * capabilities are known. Two things are worth a second connection: a proxy that refuses
 * a token which was good a while ago, and a TLS session that fits no longer.
 */

#include "session.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "hostname.h"
#include "reason.h"
#include "socks.h"
#include "text.h"

static int prepare_upstream(struct session *s, int fd)
{
	const struct destination *d = &s->destination;
	int r;

	r = stream_init(&s->upstream.stream, fd, fd);
	if (r < 0)
		return r;
	s->upstream.stream.watch_fd = s->client.in_fd;
	s->upstream.login_deadline = s->deadline;
	s->upstream.reply_timeout_usec = d->reply_timeout_usec;
	s->upstream.write_timeout_usec = d->write_timeout_usec;
	s->upstream.passes_through = s->access == ACCESS_PASS_THROUGH;
	if (s->server_side_name)
		return 0;
	if (d->local_host)
		s->server_side_name = strdup(d->local_host);
	else if (s->host_is_qualified)
		s->server_side_name = strdup(s->host_name);
	else
		return hostname_address_literal(fd, &s->server_side_name);
	return s->server_side_name ? 0 : -ENOMEM;
}

/* What the proxy is asked for; `method` is of no meaning without one. */
static struct socks5_request proxy_request(const struct session *s)
{
	const struct destination *d = &s->destination;
	struct socks5_request q = {.host = d->host, .port = d->port};

	if (d->proxy_type == PROXY_ON_PREMISE) {
		q.method = SOCKS5_JWT;
		q.jwt = secret_str(&s->tokens.proxy.jwt);
		q.location_id = d->location_id;
	} else if (d->socks_user) {
		q.method = SOCKS5_PASSWORD;
		q.user = d->socks_user;
		q.password = d->socks_password;
	}
	return q;
}

static int pass_proxy(struct session *s, int fd, uint64_t deadline)
{
	const struct socks5_request q = proxy_request(s);
	_cleanup_free_ char *why = NULL;
	int r;

	if (!s->proxy_name)
		return 0;
	session_enter(s, "asking the proxy for the server");
	r = socks_connect(fd, &q, s->client.in_fd, deadline, &why);
	return r < 0 && why ? reason_set(&s->why, r, "%s: %s", s->proxy_name, why) : r;
}

static int connect_upstream(struct session *s)
{
	uint64_t deadline =
	    MIN_OF(s->deadline, deadline_in(s->destination.connect_timeout_usec));
	_cleanup_close_ int fd = -1;
	int r;

	session_enter(
	    s, s->proxy_name ? "connecting to the proxy" : "connecting to the server");
	fd = s->request->connect(s->addresses, s->client.in_fd, deadline, &s->why);
	if (fd < 0)
		return fd;
	r = pass_proxy(s, fd, deadline);
	if (r < 0)
		return r;
	r = prepare_upstream(s, TAKE_FD(fd));
	s->upstream.our_name = s->server_side_name;
	return r;
}

static int note_tls(struct session *s)
{
	const struct tls *tls = s->upstream.stream.tls;

	free(s->record.tls);
	s->record.tls = NULL;
	if (!tls || !tls_is_established(tls))
		return 0;
	s->record.tls = text_format("%s %s%s%s", tls_version(tls), tls_cipher(tls),
	    tls_is_resumed(tls) ? " resumed" : "",
	    tls_is_verified(tls) ? "" : " unverified");
	return s->record.tls ? 0 : -ENOMEM;
}

/* What the server handed out for resumption goes to whoever comes next. */
void session_keep_tls_sessions(struct session *s)
{
	struct tls *tls = s->upstream.stream.tls;

	for (unsigned i = 0; tls && i < TLS_SESSIONS_MAX; i++) {
		_cleanup_tls_session_ struct tls_session session = {0};

		if (tls_take_session(tls, &session) <= 0)
			return;
		token_keep_tls_session(&s->tokens, &session);
	}
}

/* One connection. */
static int attempt(struct session *s)
{
	int r;

	upstream_done(&s->upstream);
	s->login = (struct login){
	    .protocol = s->protocol,
	    .destination = &s->destination,
	    .tls = s->tls,
	    .keys = s->keys.certificate ? &s->keys : NULL,
	    .tls_session = &s->tokens.tls_session,
	    .on_phase = s->request->on_phase,
	    .userdata = s->request->userdata,
	};
	r = connect_upstream(s);
	if (r < 0)
		return r;
	r = login_prepare(&s->login, &s->upstream);
	s->phase = s->upstream.phase;
	if (note_tls(s) < 0)
		return -ENOMEM;
	if (r < 0)
		s->why = TAKE_PTR(s->upstream.why);
	return r;
}

/*
 * Whether TLS failed that had been offered a session. The session may be to blame: where
 * servers share the keys of their tickets and nothing else, it does not fit each of them.
 */
static bool has_failed_to_resume(const struct session *s, int error)
{
	const struct tls *tls = s->upstream.stream.tls;

	return (error == -EPROTO || error == -ECONNRESET) && tls &&
	       tls_has_offered(tls) && !tls_is_established(tls);
}

/* Whether the Connectivity proxy refused its token, which may have been revoked. */
static bool has_refused_token(const struct session *s, int error)
{
	return error == -EKEYEXPIRED && s->destination.proxy_type == PROXY_ON_PREMISE;
}

char *session_token_again(const char *refusal, const char *why)
{
	return text_format(
	    "%s; then %s", refusal, why ? why : "the helper had no different token");
}

/* Gets another token for the proxy; why the first was refused stays on record. */
static int replace_proxy_token(struct session *s)
{
	_cleanup_free_ char *refusal = TAKE_PTR(s->why), *why = NULL;
	int r;

	session_enter(s, "asking the helper for a different token for the proxy");
	r = token_reject_proxy(&s->tokens, s->deadline, &why);
	if (r < 0)
		s->why = session_token_again(
		    refusal ? refusal : "the proxy refused our token", why);
	return r;
}

/* Where clients log in themselves, their passwords are worth what ours would be. */
static int check_secrecy(struct session *s)
{
	const struct destination *d = &s->destination;

	if (s->access != ACCESS_PASS_THROUGH || s->upstream.stream.tls ||
	    d->clear_text_allowed || d->proxy_type != PROXY_INTERNET)
		return 0;
	return reason_set(&s->why, -EOPNOTSUPP,
	    "the server has no TLS, and a client's login crosses without it only if "
	    "starttls.enable and starttls.required are both false");
}

int session_connect(struct session *s)
{
	int r;

	r = attempt(s);
	if (has_refused_token(s, r)) {
		r = replace_proxy_token(s);
		if (r == 0)
			r = attempt(s);
	}
	if (has_failed_to_resume(s, r)) {
		free(s->why);
		s->why = NULL;
		secret_done(&s->tokens.tls_session);
		r = attempt(s);
	}
	secret_done(&s->tokens.tls_session); /* has been used */
	if (r == 0)
		r = check_secrecy(s);
	if (r < 0)
		stream_done(
		    &s->upstream.stream); /* nobody shall take it for one that is ready */
	return r;
}
