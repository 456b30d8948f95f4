/* SPDX-License-Identifier: Apache-2.0 */
/* One connection at a time, messages in order, answers from the script. */

#include "helper-double.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "digest.h"
#include "varlink.h"

#define INTERFACE "io.maildest.Helper."
#define READ_SIZE 4096

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
		if (h->n == HELPER_ANSWERS_MAX)
			return script_complain(s, "the helper has too many answers");
		h->answers[h->n++] = s;
	}
	return h->n > 0 ? listen_at(h, path) : 0;
}

int helper_double_fd(const struct helper_double *h)
{
	return h->fd >= 0 ? h->fd : h->listen_fd;
}

static int reply(
    struct helper_double *h, const char *error, const char *key, const char *value)
{
	_cleanup_secret_ struct secret message = {0};
	struct varlink_writer w;
	int r;

	if (error)
		varlink_begin_error(&w, &message, error);
	else
		varlink_begin_reply(&w, &message);
	if (key)
		json_writer_string(&w.w, key, value);
	r = varlink_end(&w);
	if (r < 0)
		return r;
	(void)send(h->fd, message.data, message.len,
	    MSG_NOSIGNAL); /* a session that does not wait for it shows elsewhere */
	return 0;
}

static int hang_up(struct helper_double *h)
{
	(void)close(h->fd); /* is the answer */
	h->fd = -1;
	return 0;
}

static int give_token(struct helper_double *h, struct values *v, const char *source)
{
	_cleanup_text_ struct text text = {0};
	struct secret *token = &h->tokens[h->n_tokens++];
	const char *why;
	int r;

	r = text_expand(source, TEXT_TO_COMPARE, v, &text, &why);
	if (r == 0)
		r = secret_append(token, secret_str(&text.bytes), text.bytes.len);
	if (r < 0)
		return r;
	v->token = secret_str(token);
	return reply(h, NULL, "access_token", v->token);
}

/* "NAME [REASON]" */
static int give_error(struct helper_double *h, const char *text)
{
	_cleanup_free_ char *name = NULL;
	const char *space = strchrnul(text, ' ');

	if (asprintf(&name, INTERFACE "%.*s", (int)(space - text), text) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	return reply(h, name, *space ? "reason" : NULL, *space ? space + 1 : NULL);
}

static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static int answer_request(struct helper_double *h, struct values *v)
{
	const struct step *s;
	const char *rest;

	if (h->next == h->n)
		return script_complain(h->answers[h->n - 1],
		    "the session asked the helper once more than the script has answers");
	s = h->answers[h->next++];
	rest = behind(s->text, "token ");
	if (rest)
		return give_token(h, v, rest);
	rest = behind(s->text, "error ");
	if (rest)
		return give_error(h, rest);
	if (strcmp(s->text, "malformed") == 0)
		return send(h->fd, "{]", 3, MSG_NOSIGNAL) < 0 ? -errno : 0;
	if (strcmp(s->text, "closes") == 0)
		return hang_up(h);
	return strcmp(s->text, "silent") == 0
		   ? 0
		   : script_complain(s, "there is no such answer of the helper");
}

static int answer_open(struct helper_double *h)
{
	const char *rest;

	rest =
	    h->next < h->n ? behind(h->answers[h->next]->text, "refuses-session ") : NULL;
	if (!rest)
		return reply(h, NULL, NULL, NULL);
	h->next++;
	return give_error(h, rest);
}

/* The hash of a rejected token must be that of the last one given. */
static int check_rejected(const struct helper_double *h, const struct json *message)
{
	char wanted[DIGEST_SHA256_HEX_SIZE];
	const struct secret *last = &h->tokens[h->n_tokens ? h->n_tokens - 1 : 0];
	struct json_value parameters, v;
	const char *hash = NULL;
	int r;

	r = digest_sha256_hex(secret_str(last), last->len, wanted);
	if (r < 0)
		return r;
	if (varlink_parameters(message, &parameters) &&
	    json_find(parameters, "token_sha256", &v))
		hash = json_string(v);
	if (hash && strcmp(hash, wanted) == 0)
		return 0;
	return script_complain(h->answers[h->n - 1],
	    "the session rejected a token that is not the one it was given");
}

static int handle(struct helper_double *h, struct values *v, const struct json *message)
{
	const char *method = varlink_method(message);
	int r;

	if (method && strcmp(method, INTERFACE "OpenSession") == 0)
		return answer_open(h);
	if (method && strcmp(method, INTERFACE "GetTlsSession") == 0)
		return reply(h, NULL, NULL, NULL); /* it has none */
	if (method && strcmp(method, INTERFACE "PutTlsSession") == 0)
		return 0; /* and keeps none; the call is oneway */
	if (method && strcmp(method, INTERFACE "RejectToken") == 0) {
		r = check_rejected(h, message);
		return r < 0 ? r : answer_request(h, v);
	}
	if (method && strcmp(method, INTERFACE "GetToken") == 0)
		return h->next < h->n || h->n_tokens ? answer_request(h, v) : 0;
	return script_complain(h->answers[h->n - 1],
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
		(void)hang_up(h); /* the session needs no more tokens */
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
	if (h->listen_fd < 0 || h->next == h->n)
		return 0;
	return script_complain(
	    h->answers[h->next], "the session never asked the helper for this answer");
}
