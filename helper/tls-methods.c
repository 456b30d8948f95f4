/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two methods that lend TLS sessions out and take them in. They never wait. A session
 * is text here; whether it is a good one, the mail server says.
 */

#include "tls-methods.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "parameters.h"
#include "reply.h"
#include "varlink.h"

/* What PutTlsSession is given. */
struct put {
	const char *context, *session;
	int64_t lifetime_sec;
	bool single_use;
};

static int make_key(
    const struct session *s, const char *context, struct tls_session_key *ret)
{
	const struct binding *b = &s->binding;
	int r;

	*ret = (struct tls_session_key){0};
	memcpy(ret->context, context, sizeof(ret->context));
	r = binding_owner(b, ret->owner);
	if (r == 0)
		r = digest_sha256(
		    b->destination, strlen(b->destination), ret->destination);
	if (r == 0 && b->tenant)
		r = digest_sha256(b->tenant, strlen(b->tenant), ret->tenant);
	return r;
}

int tls_methods_get(struct session *s, struct json_value parameters)
{
	static const struct parameter table[] = {{"context", PARAMETER_STRING, true, 0}};
	_cleanup_secret_ struct secret session = {0};
	const char *context = NULL, *bad;
	struct tls_session_key key;
	struct varlink_writer v;
	int r;

	bad = parameters_read(parameters, table, ELEMENTSOF(table), &context);
	if (!bad && !parameter_is_sha256(context))
		bad = table[0].name;
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (!s->is_bound)
		return reply_not_open(&s->out);
	r = make_key(s, context, &key);
	if (r == 0)
		r = tls_sessions_get(
		    s->host->tls_sessions, &key, deadline_boottime(), &session);
	if (r < 0)
		return r;
	varlink_begin_reply(&v, &s->out);
	if (r > 0)
		json_writer_string(&v.w, "session", secret_str(&session));
	return varlink_end(&v);
}

/* The characters of base64 (RFC 4648 4), so that it is text in every place it passes. */
static bool is_session(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789+/=");

	return n > 0 && n <= TLS_SESSION_LENGTH_MAX && !text[n];
}

static const char *read_put(struct json_value parameters, struct put *ret)
{
	static const struct parameter table[] = {
	    {"context", PARAMETER_STRING, true, offsetof(struct put, context)},
	    {"session", PARAMETER_STRING, true, offsetof(struct put, session)},
	    {"lifetime", PARAMETER_INTEGER, true, offsetof(struct put, lifetime_sec)},
	    {"single_use", PARAMETER_BOOLEAN, true, offsetof(struct put, single_use)},
	};
	const char *bad = parameters_read(parameters, table, ELEMENTSOF(table), ret);

	if (bad)
		return bad;
	if (!parameter_is_sha256(ret->context))
		return "context";
	if (!is_session(ret->session))
		return "session";
	return ret->lifetime_sec < 0 ? "lifetime" : NULL;
}

int tls_methods_put(struct session *s, struct json_value parameters)
{
	struct tls_session_key key;
	struct put put = {0};
	const char *bad;
	int r;

	bad = read_put(parameters, &put);
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (!s->is_bound)
		return reply_not_open(&s->out);
	r = make_key(s, put.context, &key);
	if (r == 0)
		r = tls_sessions_put(s->host->tls_sessions, &key, put.session,
		    put.lifetime_sec, put.single_use, deadline_boottime());
	return r < 0 ? r : reply_empty(&s->out);
}
