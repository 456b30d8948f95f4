/* SPDX-License-Identifier: Apache-2.0 */
/* The handler's calls of io.maildest.Helper, pipelined, and repeated if the helper dies. */

#include "token.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "reason.h"
#include "token-calls.h"
#include "token-replies.h"

/* Between two attempts at a helper that is being restarted. */
#define PAUSE_MIN_USEC (20 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC USEC_PER_SEC
/* A helper that has not come back for good by then does not come back. */
#define RETRY_USEC (5 * USEC_PER_SEC)

void token_source_done(struct token_source *t)
{
	helper_link_done(&t->link);
	token_proxy_done(&t->proxy);
	secret_done(&t->destination);
	secret_done(&t->tls_session);
	*t = (struct token_source)TOKEN_SOURCE_INIT;
}

static void expect(struct token_source *t, enum token_call call)
{
	assert(t->n_unanswered < ELEMENTSOF(t->unanswered));
	t->unanswered[t->n_unanswered++] = call;
}

/* Appends the calls for what is wanted, and expects their answers. */
static int add_calls(
    struct token_source *t, const struct token_request *q, struct secret *calls)
{
	int r = 0;

	if (q->wants_destination) {
		expect(t, TOKEN_CALL_DESTINATION);
		r = token_call_get_destination(calls);
	}
	if (r == 0 && q->wants_proxy) {
		expect(t, TOKEN_CALL_PROXY);
		r = token_call_get_proxy(calls, NULL);
	}
	if (r == 0 && q->tls_context) {
		expect(t, TOKEN_CALL_TLS_SESSION);
		r = token_call_get_tls_session(calls, q);
	}
	if (r == 0 && q->wants_token) {
		expect(t, TOKEN_CALL_TOKEN);
		r = token_call_get_token(calls, q);
	}
	if (r == 0 && q->login) {
		expect(t, TOKEN_CALL_CLIENT);
		r = token_call_check_client(calls, q->login);
	}
	return r;
}

/* The calls a session begins with. */
static int send_request(struct token_source *t, uint64_t deadline, char **ret_why)
{
	_cleanup_secret_ struct secret calls = {0};
	int r;

	t->n_unanswered = 0;
	expect(t, TOKEN_CALL_OPEN);
	r = token_call_open(&calls, &t->request);
	if (r == 0)
		r = add_calls(t, &t->request, &calls);
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

/* Whether another connection would do as well. */
static bool may_reopen(const struct token_source *t)
{
	return t->request.path && !t->is_bound;
}

/* Whether a failure is worth another connection: the queue was full, or the helper died. */
static bool is_worth_retrying(const struct token_source *t, int error)
{
	return may_reopen(t) && (error == -EAGAIN || t->link.broken);
}

static int open_once(struct token_source *t, uint64_t deadline, char **ret_why)
{
	int r;

	t->is_bound = false;
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

void token_keep_link(struct token_source *t)
{
	t->request.path = NULL;
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

/* Takes the next reply; a token goes to `ret`. */
static int take_reply(
    struct token_source *t, uint64_t deadline, struct secret *ret, char **ret_why)
{
	_cleanup_json_ struct json *reply = NULL;
	enum token_call call = t->unanswered[0];
	int r;

	r = helper_link_receive(&t->link, deadline, &reply, ret_why);
	if (r < 0)
		return r;
	t->n_unanswered--;
	memmove(
	    t->unanswered, t->unanswered + 1, t->n_unanswered * sizeof(t->unanswered[0]));
	return token_replies_take(t, call, reply, ret, ret_why);
}

static bool is_awaited(const struct token_source *t, enum token_call call)
{
	for (unsigned i = 0; i < t->n_unanswered; i++)
		if (t->unanswered[i] == call)
			return true;
	return false;
}

/* An answer that never came would be taken for the next question's. */
static bool is_fresh(const struct token_source *t)
{
	return t->link.fd >= 0 && !t->link.broken && !is_awaited(t, TOKEN_CALL_TOKEN) &&
	       !is_awaited(t, TOKEN_CALL_CLIENT);
}

/*
 * Sends the calls for `now` on the connection that there is; on another one, if need be,
 * those for all of t->request.
 */
static int ask(struct token_source *t, const struct token_request *now, uint64_t deadline,
    char **ret_why)
{
	_cleanup_secret_ struct secret calls = {0};
	uint64_t pause = PAUSE_MIN_USEC;
	int r;

	t->is_bound = false;
	if (t->request.path && !is_fresh(t))
		return open_patiently(t, &pause, deadline, ret_why);
	if (!is_fresh(t))
		return reason_set(ret_why, -ENOTCONN,
		    "the helper left, or has not answered before, and another "
		    "connection to it is out of reach by now");
	r = add_calls(t, now, &calls);
	if (r < 0)
		return r;
	r = calls.len ? helper_link_send(&t->link, &calls, deadline, ret_why) : 0;
	if (r == 0 || !is_worth_retrying(t, r))
		return r;
	free(*ret_why);
	*ret_why = NULL;
	return open_patiently(t, &pause, deadline, ret_why);
}

int token_go_on(struct token_source *t, const struct token_request *request,
    uint64_t deadline, char **ret_why)
{
	const char *path = t->request.path;

	t->request = *request;
	t->request.path = path;
	return ask(t, &t->request, deadline, ret_why);
}

int token_ask(
    struct token_source *t, const char *credential, uint64_t deadline, char **ret_why)
{
	struct token_request now;

	t->request.wants_token = true;
	t->request.wants_proxy = false; /* its answer has served */
	t->request.credential = credential;
	now = t->request;
	now.tls_context = NULL; /* that has been asked before, if this connection was */
	return ask(t, &now, deadline, ret_why);
}

/* Takes the replies one by one, up to that of `call`. */
static int take_replies(struct token_source *t, enum token_call call, uint64_t deadline,
    struct secret *ret, char **ret_why)
{
	int r = 0;

	while (r == 0 && is_awaited(t, call))
		r = take_reply(t, deadline, ret, ret_why);
	return r;
}

/* The same, asking anew a helper that died. */
static int wait_patiently(struct token_source *t, enum token_call call, uint64_t deadline,
    struct secret *ret, char **ret_why)
{
	uint64_t pause = PAUSE_MIN_USEC, give_up_at = DEADLINE_NEVER;
	int r;

	if (!is_awaited(t, call))
		return -ENOTCONN;
	for (;;) {
		_cleanup_free_ char *why = NULL;

		r = take_replies(t, call, deadline, ret, &why);
		if (r < 0 && t->link.broken && give_up_at == DEADLINE_NEVER)
			give_up_at = MIN_OF(deadline, deadline_in(RETRY_USEC));
		if (r == 0 || !t->link.broken || !may_reopen(t) ||
		    pause_before_retry(&pause, give_up_at) < 0) {
			*ret_why = TAKE_PTR(why);
			return r;
		}
		r = open_patiently(t, &pause, give_up_at, ret_why);
		if (r < 0)
			return r;
	}
}

int token_wait(
    struct token_source *t, uint64_t deadline, struct secret *ret, char **ret_why)
{
	return wait_patiently(t, TOKEN_CALL_TOKEN, deadline, ret, ret_why);
}

int token_wait_destination(struct token_source *t, uint64_t deadline, char **ret_why)
{
	return wait_patiently(t, TOKEN_CALL_DESTINATION, deadline, NULL, ret_why);
}

int token_check_client(struct token_source *t, const struct token_login *login,
    uint64_t deadline, char **ret_why)
{
	int r;

	t->request.wants_token = t->request.wants_proxy = false; /* these have served */
	t->request.tls_context = NULL;
	t->request.login = login;
	t->accepted = false;
	r = ask(t, &t->request, deadline, ret_why);
	if (r == 0)
		r = wait_patiently(t, TOKEN_CALL_CLIENT, deadline, NULL, ret_why);
	t->request.login = NULL;
	return r < 0 ? r : t->accepted;
}

int token_wait_proxy(struct token_source *t, uint64_t deadline, char **ret_why)
{
	return wait_patiently(t, TOKEN_CALL_PROXY, deadline, NULL, ret_why);
}

void token_wait_tls_session(struct token_source *t, uint64_t deadline)
{
	_cleanup_free_ char *why = NULL;

	if (t->link.fd >= 0 &&
	    take_replies(t, TOKEN_CALL_TLS_SESSION, deadline, NULL, &why) < 0)
		secret_clear(&t->tls_session);
}

/* One more call; a new connection would not know which token is meant. */
static int send_about_token(struct token_source *t, enum token_call call,
    const struct secret *message, uint64_t deadline, char **ret_why)
{
	t->is_bound = true;
	expect(t, call);
	return helper_link_send(&t->link, message, deadline, ret_why);
}

int token_reject_proxy(struct token_source *t, uint64_t deadline, char **ret_why)
{
	_cleanup_secret_ struct secret call = {0};
	int r;

	r = token_call_get_proxy(&call, &t->proxy.jwt);
	if (r == 0)
		r = send_about_token(t, TOKEN_CALL_PROXY, &call, deadline, ret_why);
	if (r == 0)
		r = token_wait_proxy(t, deadline, ret_why);
	t->is_bound = false;
	return r;
}

int token_reject(
    struct token_source *t, const struct secret *token, uint64_t deadline, char **ret_why)
{
	_cleanup_secret_ struct secret call = {0};
	int r;

	r = token_call_reject(&call, &t->request, token);
	return r < 0 ? r
		     : send_about_token(t, TOKEN_CALL_TOKEN, &call, deadline, ret_why);
}

void token_keep_tls_session(struct token_source *t, const struct tls_session *session)
{
	_cleanup_secret_ struct secret call = {0};

	if (t->link.fd < 0 || !t->request.tls_context)
		return;
	if (token_call_put_tls_session(&call, t->request.tls_context, session) == 0)
		helper_link_send_now(&t->link, &call);
}
