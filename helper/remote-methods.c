/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetDestination and Forget, and how calls wait for a destination. A destination goes to
 * the handler without what only token requests need.
 */

#include "remote-methods.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "parameters.h"
#include "remote.h"
#include "reply.h"
#include "varlink.h"

/* In a reply, as a string within a string, it must fit one message. */
#define DESTINATION_LENGTH_MAX ((size_t)200 * 1024)

static const char invalid_destination[] = "io.maildest.Helper.InvalidDestination";

int remote_methods_prepare(struct session *s)
{
	struct cache_answer answer;
	int r;

	if (!s->is_bound)
		return 1; /* the method says so */
	if (s->fault) {
		r = reply_error(&s->out, invalid_destination, "reason", s->fault);
		return r < 0 ? r : 0;
	}
	if (!s->binding.instance)
		return 1;
	r = remote_ask(
	    broker_remote(s->host->broker), &s->binding, &s->remote_waiter, &answer);
	switch (r) {
	case REMOTE_KNOWN:
		return 1;
	case REMOTE_WAIT:
		s->is_waiting = true;
		return 0;
	case REMOTE_FAILED:
		r = reply_answer(&s->out, &answer);
		return r < 0 ? r : 0;
	}
	return r;
}

/* What only token requests need, or would show who asks for tokens. */
static bool is_helpers(const char *key)
{
	static const char *const prefixes[] = {
	    "clientAssertion", "clientSecret", "tokenService"};

	for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
		if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* The destination as the handler may have it. */
static int print_destination(const struct properties *p, struct secret *out)
{
	struct json_writer w = {.out = out};
	struct json_value v;
	const char *key;
	int position = 0;

	json_writer_open(&w, NULL, '{');
	while (json_next_member(p->layers[0].object, &position, &key, &v))
		if (!is_helpers(key))
			json_writer_string(&w, key, json_text(v));
	json_writer_close(&w, '}');
	return json_writer_end(&w);
}

static int reply_destination(struct session *s, const struct properties *p)
{
	_cleanup_secret_ struct secret text = {0};
	struct varlink_writer v;
	int r;

	r = print_destination(p, &text);
	if (r < 0)
		return r;
	if (text.len > DESTINATION_LENGTH_MAX)
		return reply_error(&s->out, invalid_destination, "reason",
		    "the destination that was found is longer than 200 KiB");
	varlink_begin_reply(&v, &s->out);
	json_writer_string(&v.w, "destination", text.data);
	return varlink_end(&v);
}

int remote_methods_get(struct session *s, struct json_value parameters)
{
	const char *bad = parameters_read(parameters, NULL, 0, NULL);
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (!s->is_bound)
		return reply_not_open(&s->out);
	if (!s->binding.instance)
		return reply_error(&s->out, invalid_destination, "reason",
		    "the destination lies in a file: no instance of a Destination "
		    "service is named, and maildest.conf has no DefaultInstance=");
	r = remote_load(broker_remote(s->host->broker), &s->binding, &p, NULL, &why);
	if (r < 0)
		return why ? reply_error(&s->out, invalid_destination, "reason", why) : r;
	return reply_destination(s, &p);
}

/* Its TLS sessions, which know no names but digests of them. */
static int forget_tls_sessions(
    struct tls_sessions *all, const char *destination, const char *tenant)
{
	unsigned char name[DIGEST_SHA256_SIZE], whose[DIGEST_SHA256_SIZE];
	int r;

	r = digest_sha256(destination, strlen(destination), name);
	if (r == 0 && tenant)
		r = digest_sha256(tenant, strlen(tenant), whose);
	if (r == 0)
		tls_sessions_forget(all, name, tenant ? whose : NULL);
	return r;
}

int remote_methods_forget(struct session *s, struct json_value parameters)
{
	struct forget {
		const char *destination, *tenant;
	} in = {0};
	static const struct parameter table[] = {
	    {"destination", PARAMETER_STRING, true, offsetof(struct forget, destination)},
	    {"tenant", PARAMETER_STRING, false, offsetof(struct forget, tenant)},
	};
	const char *bad = parameters_read(parameters, table, ELEMENTSOF(table), &in);
	unsigned tokens, rotations;
	struct varlink_writer v;
	int r;

	if (!bad && !config_name_is_valid(in.destination))
		bad = table[0].name;
	if (!bad && in.tenant && !config_name_is_valid(in.tenant))
		bad = table[1].name;
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (s->uid != 0 && s->uid != geteuid())
		return reply_error(
		    &s->out, "org.varlink.service.PermissionDenied", NULL, NULL);
	r = forget_tls_sessions(s->host->tls_sessions, in.destination, in.tenant);
	if (r < 0)
		return r;
	broker_forget(s->host->broker, in.destination, in.tenant, &tokens, &rotations);
	varlink_begin_reply(&v, &s->out);
	json_writer_integer(&v.w, "tokens", tokens);
	json_writer_integer(&v.w, "rotations", rotations);
	return varlink_end(&v);
}
