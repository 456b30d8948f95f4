/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods: one table, one function each. They check what they are given, ask the
 * broker and write the reply. `oneway` calls are carried out and their reply thrown away;
 * none of ours has more than one reply, so `more` changes nothing; `upgrade` is refused.
 */

#include "methods.h"

#include <errno.h>
#include <string.h>

#include "clients.h"
#include "connectivity-methods.h"
#include "deadline.h"
#include "introspect.h"
#include "open-methods.h"
#include "parameters.h"
#include "remote-methods.h"
#include "reply.h"
#include "status.h"
#include "text.h"
#include "tls-methods.h"
#include "varlink.h"

#define MINIMUM_LIFETIME_MAX_SEC (INT64_C(24) * 60 * 60)
#define CREDENTIAL_LENGTH_MAX ((size_t)48 * 1024)

/* What GetToken is called with. */
struct get_token {
	int64_t minimum_sec;
	const char *credential;
};

/* Wipes a reply that nobody wants. */
static void drop_reply(struct session *s, size_t start)
{
	if (s->out.len <= start)
		return;
	explicit_bzero(s->out.data + start, s->out.len - start);
	s->out.len = start;
}

int methods_answer(struct session *s, const struct cache_answer *answer)
{
	size_t start = s->out.len;
	int r;

	r = s->wants_proxy ? connectivity_methods_answer(s, answer)
			   : reply_answer(&s->out, answer);
	if (s->is_oneway)
		drop_reply(s, start);
	return r;
}

/* RFC 6749 A.11 and A.17 would allow spaces; SASL's bearer tokens (RFC 7628 3.1) have none. */
static bool is_credential(const char *text)
{
	return *text && strlen(text) <= CREDENTIAL_LENGTH_MAX && text_is_visible(text);
}

static int ask_broker(struct session *s, struct broker_question *q)
{
	struct cache_answer answer;
	int r;

	if (q->credential && !is_credential(q->credential))
		return reply_invalid_parameter(&s->out, "credential");
	if (!s->is_bound)
		return reply_not_open(&s->out);
	q->binding = &s->binding;
	s->is_waiting = true;
	r = broker_ask(s->host->broker, q, &s->waiter, &answer);
	if (r == 0 && answer.verdict == CACHE_WAIT)
		return 0;
	s->is_waiting = false;
	return r < 0 ? r : reply_answer(&s->out, &answer);
}

static int call_get_token(struct session *s, struct json_value parameters)
{
	static const struct parameter table[] = {
	    {"minimum_lifetime", PARAMETER_INTEGER, false,
		offsetof(struct get_token, minimum_sec)},
	    {"credential", PARAMETER_STRING, false,
		offsetof(struct get_token, credential)},
	};
	struct get_token in = {0};
	const char *bad = parameters_read(parameters, table, ELEMENTSOF(table), &in);
	struct broker_question q = {.credential = in.credential};

	if (!bad && in.minimum_sec < 0)
		bad = table[0].name;
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	q.minimum_usec =
	    (uint64_t)MIN_OF(in.minimum_sec, MINIMUM_LIFETIME_MAX_SEC) * USEC_PER_SEC;
	return ask_broker(s, &q);
}

static int call_reject_token(struct session *s, struct json_value parameters)
{
	static const struct parameter table[] = {
	    {"token_sha256", PARAMETER_STRING, true,
		offsetof(struct broker_question, rejected_sha256)},
	    {"credential", PARAMETER_STRING, false,
		offsetof(struct broker_question, credential)},
	};
	struct broker_question q = {0};
	const char *bad = parameters_read(parameters, table, ELEMENTSOF(table), &q);

	if (!bad && !parameter_is_sha256(q.rejected_sha256))
		bad = table[0].name;
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	return ask_broker(s, &q);
}

static int call_status(struct session *s, struct json_value parameters)
{
	const char *bad = parameters_read(parameters, NULL, 0, NULL);

	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (s->uid != 0 && s->uid != geteuid())
		return reply_error(
		    &s->out, "org.varlink.service.PermissionDenied", NULL, NULL);
	return status_reply(s->host, &s->out);
}

static int call_get_info(struct session *s, struct json_value parameters)
{
	const char *bad = parameters_read(parameters, NULL, 0, NULL);
	struct varlink_writer v;

	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	varlink_begin_reply(&v, &s->out);
	introspect_write_info(&v.w);
	return varlink_end(&v);
}

static int call_get_interface_description(struct session *s, struct json_value parameters)
{
	static const struct parameter table[] = {
	    {"interface", PARAMETER_STRING, true, 0}};
	const char *interface = NULL, *bad;
	struct varlink_writer v;

	bad = parameters_read(parameters, table, ELEMENTSOF(table), &interface);
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (!introspect_description(interface))
		return reply_error(&s->out, "org.varlink.service.InterfaceNotFound",
		    "interface", interface);
	varlink_begin_reply(&v, &s->out);
	json_writer_string(&v.w, "description", introspect_description(interface));
	return varlink_end(&v);
}

static const struct {
	const char *name;
	int (*call)(struct session *s, struct json_value parameters);
	bool wants_destination; /* which has to be at hand */
} methods[] = {
    {"io.maildest.Helper.CheckClient", clients_method, false},
    {"io.maildest.Helper.Forget", remote_methods_forget, false},
    {"io.maildest.Helper.GetConnectivityProxy", connectivity_methods_get, true},
    {"io.maildest.Helper.GetDestination", remote_methods_get, true},
    {"io.maildest.Helper.GetTlsSession", tls_methods_get, false},
    {"io.maildest.Helper.GetToken", call_get_token, true},
    {"io.maildest.Helper.OpenSession", open_methods_open, false},
    {"io.maildest.Helper.PutTlsSession", tls_methods_put, false},
    {"io.maildest.Helper.RejectToken", call_reject_token, true},
    {"io.maildest.Helper.Status", call_status, false},
    {"org.varlink.service.GetInfo", call_get_info, false},
    {"org.varlink.service.GetInterfaceDescription", call_get_interface_description,
	false},
};

/* Of an interface we do not have, or a method our interface does not have. */
static int reply_unknown(struct session *s, const char *method)
{
	_cleanup_free_ char *interface = strdup(method);
	char *dot;

	if (!interface)
		return -ENOMEM;
	dot = strrchr(interface, '.');
	if (dot)
		*dot = '\0';
	if (dot && !introspect_description(interface))
		return reply_error(&s->out, "org.varlink.service.InterfaceNotFound",
		    "interface", interface);
	return reply_error(
	    &s->out, "org.varlink.service.MethodNotFound", "method", method);
}

/* The call is kept in s->pending if it has to wait for its destination. */
static int dispatch(struct session *s, const char *method, struct json_value parameters,
    struct json **message)
{
	int r = 1;
	size_t i;

	for (i = 0; i < ELEMENTSOF(methods); i++)
		if (strcmp(methods[i].name, method) == 0)
			break;
	if (i == ELEMENTSOF(methods))
		return reply_unknown(s, method);
	if (methods[i].wants_destination)
		r = remote_methods_prepare(s);
	if (r > 0)
		return methods[i].call(s, parameters);
	if (r == 0 && s->is_waiting)
		s->pending = TAKE_PTR(*message);
	return r;
}

/* A flag of a call: absent, true or false; anything else is no call. */
static int read_flag(const struct json *message, const char *name, bool *ret)
{
	struct json_value v;

	*ret = false;
	if (!json_find(json_root(message), name, &v) || json_type(v) == JSON_NULL)
		return 0;
	return json_boolean(v, ret) ? 0 : -EBADMSG;
}

/* The object of that name; null is as good as absent (*ret.json NULL); else it is no call. */
static bool find_parameters(const struct json *message, struct json_value *ret)
{
	if (json_find(json_root(message), "parameters", ret) &&
	    json_type(*ret) == JSON_NULL) {
		*ret = (struct json_value){0};
		return true;
	}
	return varlink_parameters(message, ret);
}

int methods_call(struct session *s, struct json **call)
{
	const struct json *message = *call;
	const char *method = varlink_method(message);
	size_t start = s->out.len;
	struct json_value parameters;
	bool more, upgrade;
	int r;

	if (!method || !find_parameters(message, &parameters))
		return -EBADMSG;
	r = read_flag(message, "oneway", &s->is_oneway);
	if (r == 0)
		r = read_flag(message, "more", &more);
	if (r == 0)
		r = read_flag(message, "upgrade", &upgrade);
	if (r < 0 || (s->is_oneway && (more || upgrade)))
		return -EBADMSG;

	if (upgrade)
		r = reply_error(&s->out, "org.varlink.service.MethodNotImplemented",
		    "method", method);
	else
		r = dispatch(s, method, parameters, call);
	if (s->is_oneway)
		drop_reply(s, start);
	return r;
}
