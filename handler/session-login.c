/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging in, with the one second try: a refused access token is reported to the helper,
 * and only a different one is tried, on a new connection to addresses already known.
 */

#include "session.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"

/* For the helper to note a refusal; the client is waiting for its own. */
#define REPORT_USEC USEC_PER_SEC

/* Once a session, though a second login may follow. */
void session_warn_if_insecure(struct session *s)
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

static int authenticate(struct session *s)
{
	int r;

	s->login.token = s->token.len ? secret_str(&s->token) : NULL;
	r = login_authenticate(&s->login, &s->upstream);
	s->login.token = NULL;
	s->record.mechanism = s->login.mechanism;
	s->phase = s->upstream.phase;
	if (s->login.mechanism)
		session_warn_if_insecure(
		    s); /* the secret has left, whatever came of it */
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
		s->why =
		    session_token_again(refusal ? refusal : "the login was refused", why);
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

static bool is_refused(const struct session *s, int error)
{
	return error == -EACCES && s->upstream.credentials_refused;
}

/* The second try: with another token, on another connection. */
static int authenticate_again(struct session *s)
{
	int r;

	r = replace_token(s);
	if (r == 0)
		r = session_connect(s);
	if (r < 0)
		return r;
	r = authenticate(s);
	if (is_refused(s, r))
		report_refusal(s);
	return r;
}

void session_forget_secrets(struct session *s)
{
	secret_done(&s->token);
	if (!session_checks_login(s))
		token_source_done(&s->tokens);
	destination_forget_secrets(&s->destination);
	tls_keys_done(&s->keys);
	if (s->own_tls)
		tls_context_forget(s->own_tls);
	if (s->upstream.stream.tls)
		tls_forget_keys(s->upstream.stream.tls);
}

int session_authenticate(struct session *s)
{
	int r;

	r = authenticate(s);
	if (is_refused(s, r) && s->token.len > 0)
		r = authenticate_again(s);
	if (r < 0)
		return r;
	session_keep_tls_sessions(s);
	session_forget_secrets(s);
	return 0;
}

int session_log_in(struct session *s)
{
	int r;

	r = session_connect(s);
	return r < 0 ? r : session_authenticate(s);
}
