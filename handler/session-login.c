/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting and logging in, with the one second try: a refused access token is reported
 * to the helper, and only a different one is tried, on a new connection to addresses
 * already known.
 */

#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deadline.h"
#include "hostname.h"
#include "login.h"

/* For the helper to note a refusal; the client is waiting for its own. */
#define REPORT_USEC USEC_PER_SEC

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

static int connect_upstream(struct session *s)
{
	uint64_t deadline =
	    MIN_OF(s->deadline, deadline_in(s->destination.connect_timeout_usec));
	int fd, r;

	session_enter(s, "connecting to the server");
	fd = s->request->connect(s->addresses, s->client.in_fd, deadline, &s->why);
	if (fd < 0)
		return fd;
	s->upstream = (struct upstream)UPSTREAM_INIT;
	r = prepare_upstream(s, fd);
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
	if (asprintf(&s->record.tls, "%s %s%s%s", tls_version(tls), tls_cipher(tls),
		tls_is_resumed(tls) ? " resumed" : "",
		tls_is_verified(tls) ? "" : " unverified") < 0) {
		s->record.tls = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Once a session, though a second login may follow. */
static void warn_if_insecure(struct session *s)
{
	const struct tls *tls = s->upstream.stream.tls;

	if (s->warned)
		return;
	s->warned = true;
	if (tls && !tls_is_verified(tls))
		record_insecure(&s->record, "the destination's keys turn off the check "
					    "of the server's certificate");
	if (!tls && s->destination.clear_text_allowed)
		record_insecure(&s->record, "the destination's keys let the login cross "
					    "the network without encryption");
}

/* One connection, one login. */
static int attempt(struct session *s)
{
	struct login login = {
	    .protocol = s->protocol,
	    .destination = &s->destination,
	    .tls = s->tls,
	    .tls_session = &s->tokens.tls_session,
	    .token = s->token.len ? secret_str(&s->token) : NULL,
	    .on_phase = s->request->on_phase,
	    .userdata = s->request->userdata,
	};
	int r;

	r = connect_upstream(s);
	if (r < 0)
		return r;
	r = login_run(&login, &s->upstream);
	s->record.mechanism = login.mechanism;
	s->phase = s->upstream.phase;
	if (note_tls(s) < 0)
		return -ENOMEM;
	if (login.mechanism)
		warn_if_insecure(s); /* the secret has left, whatever came of it */
	if (r < 0)
		s->why = TAKE_PTR(s->upstream.why);
	return r;
}

static bool is_same(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Gets a token that differs from the refused one; why the first was refused stays on record. */
static int replace_token(struct session *s)
{
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *refusal = TAKE_PTR(s->why), *why = NULL;
	int r;

	session_enter(s, "asking the helper for a different token");
	r = token_reject(&s->tokens, &s->token, s->deadline, &why);
	if (r == 0)
		r = token_wait(&s->tokens, s->deadline, &token, &why);
	if (r == 0 && is_same(&token, &s->token))
		r = -EACCES;
	if (r < 0) {
		if (asprintf(&s->why, "%s; then %s",
			refusal ? refusal : "the login was refused",
			why ? why : "the helper had no different token") < 0)
			s->why = NULL;
		return r;
	}
	secret_clear(&s->token);
	return secret_append(&s->token, token.data, token.len);
}

/* Tells the helper that the second token was refused too; it is the last word of the session. */
static void report_refusal(struct session *s)
{
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	uint64_t deadline = MIN_OF(s->deadline, deadline_in(REPORT_USEC));

	if (token_reject(&s->tokens, &s->token, deadline, &why) < 0 ||
	    token_wait(&s->tokens, deadline, &token, &why) < 0)
		return; /* the helper has noted it, or is not to be had; the login failed either way */
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

/* One connection and one login; a second connection if the first could not resume. */
static int attempt_at_most_twice(struct session *s)
{
	int r;

	r = attempt(s);
	if (!has_failed_to_resume(s, r))
		return r;
	free(s->why);
	s->why = NULL;
	secret_done(&s->tokens.tls_session);
	upstream_done(&s->upstream);
	return attempt(s);
}

/* What the server handed out for resumption goes to whoever comes next. */
static void keep_tls_sessions(struct session *s)
{
	struct tls *tls = s->upstream.stream.tls;

	for (unsigned i = 0; tls && i < TLS_SESSIONS_MAX; i++) {
		_cleanup_tls_session_ struct tls_session session = {0};

		if (tls_take_session(tls, &session) <= 0)
			return;
		token_keep_tls_session(&s->tokens, &session);
	}
}

int session_log_in(struct session *s)
{
	int r;

	r = attempt_at_most_twice(s);
	if (r == -EACCES && s->upstream.credentials_refused && s->token.len > 0) {
		r = replace_token(s);
		if (r < 0)
			return r;
		upstream_done(&s->upstream);
		secret_done(&s->tokens.tls_session); /* has been used */
		r = attempt(s);
		if (r == -EACCES && s->upstream.credentials_refused)
			report_refusal(s);
	}
	if (r < 0)
		return r;
	keep_tls_sessions(s);
	/* what logged us in is not needed again */
	secret_done(&s->token);
	token_source_done(&s->tokens);
	s->destination.password = secret_free_string(s->destination.password);
	return 0;
}
