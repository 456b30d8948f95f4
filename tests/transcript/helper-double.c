/* SPDX-License-Identifier: Apache-2.0 */
/* One connection at a time, messages in order, answers from the script. */

#include "helper-double.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "digest.h"
#include "helper-reply.h"
#include "varlink.h"

#define READ_SIZE 4096
#define CREDENTIAL_MARK "for "

void helper_double_done(struct helper_double *h)
{
	if (h->listen_fd >= 0)
		(void)close(h->listen_fd); /* nobody calls any more */
	if (h->fd >= 0)
		(void)close(h->fd); /* likewise */
	secret_done(&h->in);
	for (size_t i = 0; i < HELPER_ANSWERS_MAX; i++)
		secret_done(&h->tokens[i]);
	*h = (struct helper_double)HELPER_DOUBLE_INIT;
}

static int listen_at(struct helper_double *h, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	h->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->listen_fd < 0 ||
	    bind(h->listen_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(h->listen_fd, 1) < 0)
		return -errno;
	return 0;
}

int helper_double_start(
    struct helper_double *h, const struct script *script, const char *path)
{
	for (size_t i = 0; i < script->n; i++) {
		const struct step *s = &script->steps[i];

		if (s->kind != STEP_SETTING || strcmp(s->key, "helper") != 0)
			continue;
		if (strcmp(s->text, "absent") == 0)
			return 0;
		h->first = h->first ? h->first : s;
		if (strcmp(s->text, "idle") == 0)
			continue;
		if (h->n == HELPER_ANSWERS_MAX)
			return script_complain(s, "the helper has too many answers");
		h->answers[h->n++] = s;
	}
	return h->first ? listen_at(h, path) : 0;
}

bool helper_double_is_through(const struct helper_double *h)
{
	return h->next == h->n;
}

int helper_double_fd(const struct helper_double *h)
{
	return h->fd >= 0 ? h->fd : h->listen_fd;
}

static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* Where complaints about a request point that no answer was meant for. */
static const struct step *last_answer(const struct helper_double *h)
{
	return h->n ? h->answers[h->n - 1] : h->first;
}

int helper_double_credential(
    const struct step *answer, struct values *v, struct text *ret)
{
	const char *rest = behind(answer->text, CREDENTIAL_MARK), *why;
	_cleanup_free_ char *source = NULL;
	int r;

	if (!rest)
		return 0;
	source = strndup(rest, strcspn(rest, " "));
	r = source ? text_expand(source, TEXT_TO_COMPARE, v, ret, &why) : -ENOMEM;
	return r < 0 ? r : 1;
}

/* Behind "for CREDENTIAL ". */
static const char *answer_text(const struct step *answer)
{
	const char *rest = behind(answer->text, CREDENTIAL_MARK);

	rest = rest ? strchrnul(rest, ' ') : answer->text;
	return rest + (*rest == ' ');
}

/* `given` is NULL if the request carried none. */
static int check_credential(const struct step *s, struct values *v, const char *given)
{
	_cleanup_text_ struct text wanted = {0};
	int r;

	r = helper_double_credential(s, v, &wanted);
	if (r < 0)
		return r;
	if (r == 0 && given)
		return script_complain(
		    s, "the session sent a credential that nobody expects");
	if (r == 0 || (given && strcmp(given, secret_str(&wanted.bytes)) == 0))
		return 0;
	return script_complain(
	    s, "the session sent %s credential", given ? "another" : "no");
}

/* A parameter that is a string, or NULL; borrowed from the message. */
static const char *parameter(const struct json *message, const char *name)
{
	struct json_value parameters, v;

	return varlink_parameters(message, &parameters) && json_find(parameters, name, &v)
		   ? json_string(v)
		   : NULL;
}

/* What the session may ask the script's answers for. */
static const struct question {
	const char *method;
	const char *answer;   /* the one that it may get besides a failure */
	const char *rejected; /* the parameter that holds the hash of a rejected token */
	bool must_reject;
	bool for_proxy;
	bool for_client;
} questions[] = {
    {INTERFACE "CheckClient", "client ", NULL, false, false, true},
    {INTERFACE "GetToken", "token ", NULL, false, false, false},
    {INTERFACE "RejectToken", "token ", "token_sha256", true, false, false},
    {INTERFACE "GetConnectivityProxy", "proxy ", "rejected_sha256", false, true, false},
};

/* "USER:PASSWORD accepted" or "USER:PASSWORD refused": that is what must have been asked. */
static int answer_client(struct helper_double *h, const struct step *s, const char *rest,
    const struct json *message)
{
	const char *user = parameter(message, "user"),
		   *password = parameter(message, "password"),
		   *verdict = strrchr(rest, ' ');
	_cleanup_secret_ struct secret given = {0};

	if (!user || !password || !verdict ||
	    secret_printf(&given, "%s:%s", user, password) < 0)
		return script_complain(s, "the session asked without user and password");
	if (given.len != (size_t)(verdict - rest) ||
	    memcmp(secret_str(&given), rest, given.len) != 0)
		return script_complain(s, "the session asked for another login");
	return helper_reply_verdict(h, strcmp(verdict + 1, "accepted") == 0);
}

static int give_answer(struct helper_double *h, struct values *v,
    const struct question *q, const struct step *s, const char *text,
    const struct json *message)
{
	const char *rest;

	rest = behind(text, q->answer);
	if (rest && q->for_client)
		return answer_client(h, s, rest, message);
	if (rest)
		return q->for_proxy ? helper_reply_proxy(h, v, rest)
				    : helper_reply_token(h, v, rest);
	rest = behind(text, "error ");
	if (rest)
		return helper_reply_error(h, rest);
	if (strcmp(text, "malformed") == 0)
		return send(h->fd, "{]", 3, MSG_NOSIGNAL) < 0 ? -errno : 0;
	if (strcmp(text, "closes") == 0)
		return helper_hang_up(h);
	return strcmp(text, "silent") == 0
		   ? 0
		   : script_complain(
			 s, "there is no such answer of the helper to %s", q->method);
}

static int answer_open(struct helper_double *h)
{
	const char *rest;

	rest =
	    h->next < h->n ? behind(h->answers[h->next]->text, "refuses-session ") : NULL;
	if (!rest)
		return helper_reply_nothing(h);
	h->next++;
	h->session_refused = true;
	return helper_reply_error(h, rest);
}

/* The hash of a rejected token must be that of the last one given. */
static int check_rejected(
    const struct helper_double *h, const struct question *q, const struct json *message)
{
	const struct secret *last = q->for_proxy ? h->proxy_token : h->access_token;
	const char *hash = q->rejected ? parameter(message, q->rejected) : NULL;
	char wanted[DIGEST_SHA256_HEX_SIZE] = "";
	int r = 0;

	if (!hash && !q->must_reject)
		return 0;
	if (last)
		r = digest_sha256_hex(secret_str(last), last->len, wanted);
	if (r < 0)
		return r;
	if (hash && strcmp(hash, wanted) == 0)
		return 0;
	return script_complain(last_answer(h),
	    "the session rejected a token that is not the one it was given");
}

static int answer_question(struct helper_double *h, struct values *v,
    const struct question *q, const struct json *message)
{
	const struct step *s;
	int r;

	r = check_rejected(h, q, message);
	if (r < 0 || h->session_refused)
		return r;
	if (helper_double_is_through(h))
		return script_complain(last_answer(h),
		    "the session asked the helper once more than the script has answers");
	s = h->answers[h->next++];
	r = check_credential(s, v, parameter(message, "credential"));
	return r < 0 ? r : give_answer(h, v, q, s, answer_text(s), message);
}

static int handle(struct helper_double *h, struct values *v, const struct json *message)
{
	const char *method = varlink_method(message);

	if (method && strcmp(method, INTERFACE "OpenSession") == 0)
		return answer_open(h);
	if (method && strcmp(method, INTERFACE "GetTlsSession") == 0)
		return helper_reply_nothing(h); /* it has none */
	if (method && strcmp(method, INTERFACE "PutTlsSession") == 0)
		return 0; /* and keeps none; the call is oneway */
	for (size_t i = 0; method && i < ELEMENTSOF(questions); i++)
		if (strcmp(method, questions[i].method) == 0)
			return answer_question(h, v, &questions[i], message);
	return script_complain(last_answer(h),
	    "the session called '%s', which the helper does not have",
	    method ? method : "");
}

/* True if something came in. */
static bool receive(struct helper_double *h)
{
	ssize_t n;

	if (h->fd < 0 && h->listen_fd >= 0)
		h->fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (h->fd < 0 || secret_reserve(&h->in, READ_SIZE) < 0)
		return false;
	n = recv(h->fd, h->in.data + h->in.len, READ_SIZE, 0);
	if (n == 0)
		(void)helper_hang_up(h); /* the session needs no more tokens */
	if (n <= 0)
		return false;
	h->in.len += (size_t)n;
	h->in.data[h->in.len] = '\0';
	return true;
}

int helper_double_serve(struct helper_double *h, struct values *v)
{
	int r = 0;

	while (r == 0 && receive(h)) {
		_cleanup_json_ struct json *message = NULL;

		while (r == 0 && varlink_take(&h->in, &message) > 0) {
			r = handle(h, v, message);
			message = json_free(message);
		}
	}
	return r;
}

int helper_double_finish(const struct helper_double *h)
{
	if (h->listen_fd < 0 || helper_double_is_through(h))
		return 0;
	return script_complain(
	    h->answers[h->next], "the session never asked the helper for this answer");
}
