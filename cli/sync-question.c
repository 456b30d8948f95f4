/* SPDX-License-Identifier: Apache-2.0 */
#include "sync-question.h"

#include <errno.h>
#include <string.h>

#include "helper-call.h"
#include "reason.h"

static void write_string(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_writer_string(w, key, value);
}

/* The chain's variables, a member each. */
static void write_chain(struct json_writer *w, const struct resource *r)
{
	if (!r->chain)
		return;
	json_writer_string(w, "chain", r->chain);
	if (r->n_variables == 0)
		return;
	json_writer_open(w, "chain_variables", '{');
	for (size_t i = 0; i < r->n_variables; i++)
		json_writer_string(w, r->variables[i].name, r->variables[i].value);
	json_writer_close(w, '}');
}

/* As the service's handler binds its own connection. */
static int write_open(struct secret *call, const struct service_unit *s)
{
	const struct resource *r = s->resource;
	struct varlink_writer v;

	varlink_begin_call(&v, call, HELPER_INTERFACE "OpenSession");
	json_writer_string(&v.w, "service", s->name);
	json_writer_string(&v.w, "destination", r->destination);
	write_string(&v.w, "tenant", s->tenant);
	write_string(&v.w, "fragment", r->fragment);
	write_string(&v.w, "instance", r->instance);
	write_string(&v.w, "level", r->level);
	if (r->fragment && r->fragment_optional)
		json_writer_boolean(&v.w, "fragment_optional", true);
	write_string(&v.w, "fragment_level", r->fragment_level);
	write_chain(&v.w, r);
	return varlink_end(&v);
}

int sync_question_digest(const struct services *all, const struct service_unit *s,
    char ret[DIGEST_SHA256_HEX_SIZE])
{
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = write_open(&text, s);
	if (r == 0)
		r = secret_puts(&text, service_unit_instance(s, all));
	return r < 0 ? r : digest_sha256_hex(text.data, text.len, ret);
}

static int open_session(struct helper_link *link, const struct service_unit *s,
    uint64_t deadline, char **ret_why)
{
	_cleanup_secret_ struct secret call = {0};
	_cleanup_json_ struct json *reply = NULL;
	int r = write_open(&call, s);

	return r < 0 ? r : helper_call(link, &call, deadline, &reply, ret_why);
}

/* The destination's text, of which the reply is the owner. */
static int get_destination(const struct cli *c, const struct service_unit *s,
    uint64_t deadline, struct json **ret, char **ret_why)
{
	_cleanup_(helper_link_done) struct helper_link link = HELPER_LINK_INIT;
	_cleanup_secret_ struct secret call = {0};
	struct varlink_writer v;
	int r;

	varlink_begin_call(&v, &call, HELPER_INTERFACE "GetDestination");
	r = varlink_end(&v);
	if (r == 0)
		r = helper_call_connect(c, &link, ret_why);
	if (r == 0)
		r = open_session(&link, s, deadline, ret_why);
	return r < 0 ? r : helper_call(&link, &call, deadline, ret, ret_why);
}

int sync_ask(const struct cli *c, const struct service_unit *s, uint64_t deadline,
    enum mail_protocol *ret, char **ret_why)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_json_ struct json *reply = NULL;
	const char *text;
	int r;

	r = get_destination(c, s, deadline, &reply, ret_why);
	if (r < 0)
		return r;
	text = helper_link_string(reply, "destination");
	if (!text)
		return reason_set(
		    ret_why, -EPROTO, "the helper's answer has no destination");
	r = properties_add(&p, text, strlen(text), s->resource->destination, ret_why);
	return r < 0 ? r : mail_protocol_find(&p, ret, ret_why);
}
