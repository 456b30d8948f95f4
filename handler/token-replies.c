/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's replies, one function for each call's. */

#include "token-replies.h"

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "reason.h"
#include "text.h"
#include "varlink.h"

void token_proxy_done(struct token_proxy *p)
{
	free(p->host);
	secret_done(&p->jwt);
	*p = (struct token_proxy){0};
}

static int take_token(const struct json *reply, struct secret *ret, char **ret_why)
{
	const char *token = helper_link_string(reply, "access_token");

	if (!token || !*token)
		return reason_set(
		    ret_why, -ENOTCONN, "the helper answered without a token");
	if (!text_is_visible(token))
		return reason_set(ret_why, -ENOTCONN, "the helper's token is malformed");
	return secret_puts(ret, token);
}

static int take_proxy(struct token_source *t, const struct json *reply, char **ret_why)
{
	const char *host = helper_link_string(reply, "host");
	int64_t port = helper_link_integer(reply, "port");

	token_proxy_done(&t->proxy);
	if (!host || !*host || port < 1 || port > UINT16_MAX)
		return reason_set(ret_why, -ENOTCONN,
		    "the helper answered without the Connectivity proxy's address");
	t->proxy.host = strdup(host);
	if (!t->proxy.host)
		return -ENOMEM;
	t->proxy.port = (uint16_t)port;
	return take_token(reply, &t->proxy.jwt, ret_why);
}

/* One that is not base64 or not there, or an error: there is none. */
static void take_tls_session(struct token_source *t, const struct json *reply)
{
	const char *text = helper_link_string(reply, "session");

	secret_clear(&t->tls_session);
	if (text && base64_decode(text, strlen(text), &t->tls_session) < 0)
		secret_clear(&t->tls_session);
}

/* A refused grant is the client's own, where it has sent one (RFC 6749 5.2). */
static int explain(const struct token_source *t, const struct json *reply, char **ret_why)
{
	const char *code = helper_link_string(reply, "error");
	int r = helper_link_explain(reply, ret_why);

	if (r == -ENOKEY && t->request.credential && code &&
	    strcmp(code, "invalid_grant") == 0)
		return -EKEYREVOKED;
	return r;
}

static int take_destination(
    struct token_source *t, const struct json *reply, char **ret_why)
{
	const char *text = helper_link_string(reply, "destination");

	secret_clear(&t->destination);
	if (!text || !*text)
		return reason_set(
		    ret_why, -ENOTCONN, "the helper answered without a destination");
	return secret_puts(&t->destination, text);
}

static int take_verdict(struct token_source *t, const struct json *reply, char **ret_why)
{
	struct json_value parameters, v;

	if (varlink_parameters(reply, &parameters) && parameters.json &&
	    json_find(parameters, "accepted", &v) && json_boolean(v, &t->accepted))
		return 0;
	return reason_set(ret_why, -ENOTCONN, "the helper answered without a verdict");
}

int token_replies_take(struct token_source *t, enum token_call call,
    const struct json *reply, struct secret *ret, char **ret_why)
{
	if (call == TOKEN_CALL_TLS_SESSION) {
		take_tls_session(t, reply);
		return 0;
	}
	if (varlink_error(reply))
		return explain(t, reply, ret_why);
	switch (call) {
	case TOKEN_CALL_DESTINATION:
		return take_destination(t, reply, ret_why);
	case TOKEN_CALL_PROXY:
		return take_proxy(t, reply, ret_why);
	case TOKEN_CALL_TOKEN:
		return ret ? take_token(reply, ret, ret_why) : 0;
	case TOKEN_CALL_CLIENT:
		return take_verdict(t, reply, ret_why);
	case TOKEN_CALL_OPEN:
	case TOKEN_CALL_TLS_SESSION:
	case TOKEN_CALL_MAX:
		break;
	}
	return 0;
}
