/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper's double says: one message, sent at once. */

#include "helper-reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "varlink.h"

#define PROXY_PORT 20004

static int send_reply(const struct helper_double *h, struct varlink_writer *w)
{
	const struct secret *message = w->w.out;
	int r;

	r = varlink_end(w);
	if (r < 0)
		return r;
	(void)send(h->fd, message->data, message->len,
	    MSG_NOSIGNAL); /* a session that does not wait for it shows elsewhere */
	return 0;
}

/* `fields` are names and values, up to a NULL. */
static int reply(struct helper_double *h, const char *error, const char *const *fields)
{
	_cleanup_secret_ struct secret message = {0};
	struct varlink_writer w;

	if (error)
		varlink_begin_error(&w, &message, error);
	else
		varlink_begin_reply(&w, &message);
	for (; *fields; fields += 2)
		json_writer_string(&w.w, fields[0], fields[1]);
	return send_reply(h, &w);
}

int helper_reply_nothing(struct helper_double *h)
{
	static const char *const nothing[] = {NULL};

	return reply(h, NULL, nothing);
}

int helper_reply_verdict(struct helper_double *h, bool accepted)
{
	_cleanup_secret_ struct secret message = {0};
	struct varlink_writer w;

	varlink_begin_reply(&w, &message);
	json_writer_boolean(&w.w, "accepted", accepted);
	return send_reply(h, &w);
}

int helper_hang_up(struct helper_double *h)
{
	(void)close(h->fd); /* is the answer */
	h->fd = -1;
	secret_clear(&h->in); /* what was asked with it is asked anew */
	return 0;
}

/* Makes a text of the script a token. */
static int make_token(struct helper_double *h, struct values *v, const char *source,
    const struct secret **ret)
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
	*ret = token;
	return 0;
}

int helper_reply_token(struct helper_double *h, struct values *v, const char *source)
{
	int r;

	r = make_token(h, v, source, &h->access_token);
	if (r < 0)
		return r;
	v->token = secret_str(h->access_token);
	return reply(h, NULL, (const char *const[]){"access_token", v->token, NULL});
}

int helper_reply_proxy(struct helper_double *h, struct values *v, const char *source)
{
	_cleanup_secret_ struct secret message = {0};
	struct varlink_writer w;
	int r;

	r = make_token(h, v, source, &h->proxy_token);
	if (r < 0)
		return r;
	varlink_begin_reply(&w, &message);
	json_writer_string(&w.w, "host", "127.0.0.1");
	json_writer_integer(&w.w, "port", PROXY_PORT);
	json_writer_string(&w.w, "access_token", secret_str(h->proxy_token));
	return send_reply(h, &w);
}

int helper_reply_error(struct helper_double *h, const char *text)
{
	const char *space = strchrnul(text, ' '), *reason = *space ? space + 1 : space;
	_cleanup_free_ char *name = NULL, *code = strndup(reason, strcspn(reason, ": "));
	const char *fields[] = {"reason", reason, "error", code, NULL};

	if (!code || asprintf(&name, INTERFACE "%.*s", (int)(space - text), text) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	if (strcmp(name, INTERFACE "TokenRefused") != 0)
		fields[2] = NULL;
	return reply(h, name, *reason ? fields : fields + 4);
}
