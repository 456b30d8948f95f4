/* SPDX-License-Identifier: Apache-2.0 */
#include "sync.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper-call.h"
#include "reason.h"
#include "services.h"

/* Whether the destination is the Destination service's to say. */
static bool is_remote(const struct services *all, const struct service_unit *s)
{
	return s->resource->instance || all->settings.default_instance;
}

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

static int call_one(struct helper_link *link, const struct secret *call, char **ret_why)
{
	_cleanup_json_ struct json *reply = NULL;

	return helper_call(link, call, &reply, ret_why);
}

/* The destination's text, of which the reply is the owner. */
static int ask(
    const struct cli *c, const struct service_unit *s, struct json **ret, char **ret_why)
{
	_cleanup_(helper_link_done) struct helper_link link = HELPER_LINK_INIT;
	_cleanup_secret_ struct secret open = {0}, get = {0};
	struct varlink_writer v;
	int r;

	r = write_open(&open, s);
	varlink_begin_call(&v, &get, HELPER_INTERFACE "GetDestination");
	if (r == 0)
		r = varlink_end(&v);
	if (r == 0)
		r = helper_call_connect(c, &link, ret_why);
	if (r == 0)
		r = call_one(&link, &open, ret_why);
	return r < 0 ? r : helper_call(&link, &get, ret, ret_why);
}

static int find_protocol(const struct cli *c, const struct service_unit *s,
    enum mail_protocol *ret, char **ret_why)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_json_ struct json *reply = NULL;
	const char *text;
	int r;

	r = ask(c, s, &reply, ret_why);
	if (r < 0)
		return r;
	text = helper_link_string(reply, "destination");
	if (!text)
		return reason_set(
		    ret_why, -EPROTO, "the helper's answer has no destination");
	r = properties_add(&p, text, strlen(text), s->resource->destination, ret_why);
	return r < 0 ? r : destination_protocol(&p, ret, ret_why);
}

/* 1 if the table has changed, 0 if not, -errno with *ret_why. */
static int note(const struct cli *c, const struct service_unit *s,
    struct state_table *protocols, char **ret_why)
{
	const char *known = state_table_find(protocols, s->name), *name;
	enum mail_protocol protocol;
	int r = find_protocol(c, s, &protocol, ret_why);

	if (r < 0)
		return r;
	name = mail_protocol_name(protocol);
	if (known && strcmp(known, name) == 0)
		return 0;
	r = state_table_set(protocols, s->name, name);
	return r < 0 ? r : 1;
}

int sync_protocols(const struct cli *c, const struct config *config, struct services *s,
    struct verdicts *v, char **ret_why)
{
	bool is_changed = false;
	int r;

	for (size_t i = 0; i < s->n; i++) {
		_cleanup_free_ char *why = NULL;

		if (!is_remote(s, &s->list[i]))
			continue;
		r = note(c, &s->list[i], &s->protocols, &why);
		if (r < 0)
			verdicts_add_result(v, "service", s->list[i].name, r, why);
		is_changed |= r > 0;
	}
	return is_changed ? services_record_protocols(config, &s->protocols, ret_why) : 0;
}
