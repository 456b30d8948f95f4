/* SPDX-License-Identifier: Apache-2.0 */
/* The handler's calls of io.maildest.Helper, pipelined, and repeated if the helper dies. */

#include "token.h"

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "deadline.h"
#include "digest.h"
#include "reason.h"
#include "varlink.h"

/* Between two attempts at a helper that is being restarted. */
#define PAUSE_MIN_USEC (20 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC
/* A helper that has not come back for good by then does not come back. */
#define RETRY_USEC (5 * USEC_PER_SEC)

void token_source_done(struct token_source *t)
{
	helper_link_done(&t->link);
	secret_done(&t->tls_session);
	*t = (struct token_source)TOKEN_SOURCE_INIT;
}

static int append_open(struct secret *out, const char *destination)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "OpenSession");
	json_writer_string(&v.w, "service", destination);
	json_writer_string(&v.w, "destination", destination);
	return varlink_end(&v);
}

static int append_get_tls_session(struct secret *out, const char *context)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "GetTlsSession");
	json_writer_string(&v.w, "context", context);
	return varlink_end(&v);
}

static int append_get_token(struct secret *out, uint64_t lifetime_sec)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "GetToken");
	if (lifetime_sec > 0)
		json_writer_integer(&v.w, "minimum_lifetime", (int64_t)lifetime_sec);
	return varlink_end(&v);
}

static int append_reject(struct secret *out, const struct secret *token)
{
	char hash[DIGEST_SHA256_HEX_SIZE];
	struct varlink_writer v;
	int r;

	r = digest_sha256_hex(token->data, token->len, hash);
	if (r < 0)
		return r;
	varlink_begin_call(&v, out, HELPER_INTERFACE "RejectToken");
	json_writer_string(&v.w, "token_sha256", hash);
	return varlink_end(&v);
}

/* The calls a session begins with; t->unanswered becomes their number. */
static int send_request(struct token_source *t, uint64_t deadline, char **ret_why)
{
	const struct token_request *q = &t->request;
	_cleanup_secret_ struct secret calls = {0};
	int r;

	t->unanswered = 1 + (q->tls_context ? 1 : 0) + (q->wants_token ? 1 : 0);
	r = append_open(&calls, q->destination);
	if (r == 0 && q->tls_context)
		r = append_get_tls_session(&calls, q->tls_context);
	if (r == 0 && q->wants_token)
		r = append_get_token(&calls, q->lifetime_sec);
	return r < 0 ? r : helper_link_send(&t->link, &calls, deadline, ret_why);
}

/* Waits a little, longer each time: 0, or -ETIMEDOUT if the deadline comes first. */
static int pause_before_retry(uint64_t *pause, uint64_t deadline)
{
	if (deadline_now() + *pause >= deadline)
		return -ETIMEDOUT;
	if (deadline_poll(NULL, 0, deadline_in(*pause)) != -ETIMEDOUT)
		return -EINTR;
	*pause = MIN_OF(*pause * 2, PAUSE_MAX_USEC);
	return 0;
}

/* Whether a failure is worth another connection: the queue was full, or the helper died. */
static bool is_worth_retrying(const struct token_source *t, int error)
{
	return t->request.path && (error == -EAGAIN || t->link.broken);
}

static int open_once(struct token_source *t, uint64_t deadline, char **ret_why)
{
	int r;

	r = helper_link_connect(&t->link, t->request.path, ret_why);
	return r < 0 ? r : send_request(t, deadline, ret_why);
}

/* Opens until it goes or is hopeless; the last reason stays. */
static int open_patiently(
    struct token_source *t, uint64_t *pause, uint64_t deadline, char **ret_why)
{
	int r;

	for (;;) {
		_cleanup_free_ char *why = NULL;

		r = open_once(t, deadline, &why);
		if (r == 0)
			return 0;
		if (!is_worth_retrying(t, r) || pause_before_retry(pause, deadline) < 0) {
			*ret_why = TAKE_PTR(why);
			return r;
		}
	}
}

int token_open(struct token_source *t, const struct token_request *request,
    uint64_t deadline, char **ret_why)
{
	uint64_t pause = PAUSE_MIN_USEC;

	*t = (struct token_source)TOKEN_SOURCE_INIT;
	t->request = *request;
	return open_patiently(t, &pause, deadline, ret_why);
}

int token_open_fd(struct token_source *t, int fd, const struct token_request *request,
    uint64_t deadline, char **ret_why)
{
	*t = (struct token_source)TOKEN_SOURCE_INIT;
	t->request = *request;
	t->request.path = NULL;
	t->link.fd = fd;
	return send_request(t, deadline, ret_why);
}

static int take_token(const struct json *reply, struct secret *ret, char **ret_why)
{
	const char *token = helper_link_string(reply, "access_token");

	if (!token || !*token)
		return reason_set(
		    ret_why, -ENOTCONN, "the helper answered without a token");
	for (const char *c = token; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			return reason_set(
			    ret_why, -ENOTCONN, "the helper's token is malformed");
	return secret_puts(ret, token);
}

/* One that is not base64 or not there, or an error: there is none. */
static void take_tls_session(struct token_source *t, const struct json *reply)
{
	const char *text = helper_link_string(reply, "session");

	secret_clear(&t->tls_session);
	if (text && base64_decode(text, strlen(text), &t->tls_session) < 0)
		secret_clear(&t->tls_session);
}

/* Takes the replies one by one; the token, if one is wanted, comes last. */
static int take_replies(
    struct token_source *t, uint64_t deadline, struct secret *ret, char **ret_why)
{
	int r = 0;

	for (; t->unanswered > 0; t->unanswered--) {
		bool is_last = t->unanswered == 1;
		_cleanup_json_ struct json *reply = NULL;

		r = helper_link_receive(&t->link, deadline, &reply, ret_why);
		if (r < 0)
			return r;
		if (t->request.tls_context && t->unanswered == (ret ? 2U : 1U))
			take_tls_session(t, reply);
		else if (varlink_error(reply))
			return helper_link_explain(reply, ret_why);
		else if (is_last && ret)
			r = take_token(reply, ret, ret_why);
	}
	return r;
}

int token_wait(
    struct token_source *t, uint64_t deadline, struct secret *ret, char **ret_why)
{
	uint64_t pause = PAUSE_MIN_USEC, give_up_at = DEADLINE_NEVER;
	int r;

	if (t->unanswered == 0)
		return -ENOTCONN;
	for (;;) {
		_cleanup_free_ char *why = NULL;

		r = take_replies(t, deadline, ret, &why);
		if (r < 0 && t->link.broken && give_up_at == DEADLINE_NEVER)
			give_up_at = MIN_OF(deadline, deadline_in(RETRY_USEC));
		if (r == 0 || !t->link.broken || !t->request.path ||
		    pause_before_retry(&pause, give_up_at) < 0) {
			*ret_why = TAKE_PTR(why);
			return r;
		}
		r = open_patiently(t, &pause, give_up_at, ret_why);
		if (r < 0)
			return r;
	}
}

void token_wait_tls_session(struct token_source *t, uint64_t deadline)
{
	_cleanup_free_ char *why = NULL;

	if (t->link.fd >= 0 && take_replies(t, deadline, NULL, &why) < 0)
		secret_clear(&t->tls_session);
}

int token_reject(
    struct token_source *t, const struct secret *token, uint64_t deadline, char **ret_why)
{
	_cleanup_secret_ struct secret call = {0};
	int r;

	r = append_reject(&call, token);
	if (r < 0)
		return r;
	t->request.path =
	    NULL; /* a new connection would not know which token was meant */
	t->unanswered = 1;
	return helper_link_send(&t->link, &call, deadline, ret_why);
}

void token_keep_tls_session(struct token_source *t, const struct tls_session *session)
{
	_cleanup_secret_ struct secret call = {0}, text = {0};
	struct varlink_writer v;

	if (t->link.fd < 0 || !t->request.tls_context ||
	    base64_encode(session->bytes.data, session->bytes.len, &text) < 0)
		return;
	varlink_begin_oneway_call(&v, &call, HELPER_INTERFACE "PutTlsSession");
	json_writer_string(&v.w, "context", t->request.tls_context);
	json_writer_string(&v.w, "session", secret_str(&text));
	json_writer_integer(&v.w, "lifetime", (int64_t)session->lifetime_sec);
	json_writer_boolean(&v.w, "single_use", session->single_use);
	if (varlink_end(&v) == 0)
		helper_link_send_now(&t->link, &call);
}
