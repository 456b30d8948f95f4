/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that the helper decides. With what the client brings: its refresh token or code
 * goes to the helper, the helper's access token to the server. Each try has the login's
 * whole time; after one that the server refused, the next begins on a new connection.
 */

#include "session.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "utf8.h"

/* Redeems the credential: s->token is the access token. */
static int redeem(struct session *s, const struct secret *credential)
{
	int r;

	session_enter(s, "redeeming the client's grant");
	secret_clear(&s->token);
	r = token_ask(&s->tokens, secret_str(credential), s->deadline, &s->why);
	return r < 0 ? r : token_wait(&s->tokens, s->deadline, &s->token, &s->why);
}

static int log_in(struct session *s, const struct secret *credential)
{
	int r;

	r = redeem(s, credential);
	if (r == 0 && s->upstream.stream.in_fd < 0)
		r = session_connect(s);
	if (r < 0)
		return r;
	s->upstream.login_deadline = s->deadline;
	r = session_authenticate(s);
	if (r < 0)
		stream_done(&s->upstream.stream); /* what it can do is still known */
	return r < 0 ? r : session_confine_relay(s);
}

int session_log_in_client(struct exchange *x, const struct secret *credential)
{
	struct session *s = x->userdata;
	int r;

	free(s->why);
	s->why = NULL;
	s->deadline = deadline_in(s->request->login_usec);
	r = log_in(s, credential);
	s->tokens.request.credential = NULL;
	secret_done(&s->token);
	x->logged_in = r == 0;
	free(x->login_why);
	x->login_why = r < 0 ? TAKE_PTR(s->why) : NULL;
	session_enter(s, r < 0 ? s->phase : "talking to the client");
	return r;
}

/* What a varlink message can carry: UTF-8 without a NUL. */
static bool is_text(const struct secret *s)
{
	return !memchr(secret_str(s), '\0', s->len) &&
	       utf8_is_valid(secret_str(s), s->len);
}

int session_check_client_login(
    struct exchange *x, const struct secret *user, const struct secret *password)
{
	struct token_login login = {secret_str(user), secret_str(password)};
	struct session *s = x->userdata;
	uint64_t deadline = deadline_in(s->request->login_usec);
	int r;

	if (!is_text(user) || !is_text(password))
		return -EKEYREVOKED;
	session_enter(s, "checking the client's login");
	free(x->login_why);
	x->login_why = NULL;
	r = token_check_client(&s->tokens, &login, deadline, &x->login_why);
	session_enter(s, "talking to the client");
	x->logged_in = r > 0;
	if (r > 0)
		token_source_done(&s->tokens);
	return r > 0 ? 0 : (r == 0 ? -EKEYREVOKED : r);
}
