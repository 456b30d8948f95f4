/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session is bound to: the caller's words, in the one form in which equal bindings
 * are equal. Whether there is such a destination turns out later.
 */

#include "open-methods.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "destination-names.h"
#include "instance.h"
#include "parameters.h"
#include "reply.h"
#include "share.h"

/* A user's number or an address. */
#define CLIENT_LENGTH_MAX 64

/* What OpenSession is called with. */
struct open_session {
	struct binding binding; /* borrowed */
	bool fragment_optional;
	struct json_value variables;
	const char *client;
};

static const struct parameter table[] = {
    {"service", PARAMETER_STRING, true, offsetof(struct open_session, binding.service)},
    {"destination", PARAMETER_STRING, true,
	offsetof(struct open_session, binding.destination)},
    {"tenant", PARAMETER_STRING, false, offsetof(struct open_session, binding.tenant)},
    {"fragment", PARAMETER_STRING, false,
	offsetof(struct open_session, binding.fragment)},
    {"fragment_optional", PARAMETER_BOOLEAN, false,
	offsetof(struct open_session, fragment_optional)},
    {"fragment_level", PARAMETER_STRING, false,
	offsetof(struct open_session, binding.fragment_level)},
    {"instance", PARAMETER_STRING, false,
	offsetof(struct open_session, binding.instance)},
    {"level", PARAMETER_STRING, false, offsetof(struct open_session, binding.level)},
    {"chain", PARAMETER_STRING, false, offsetof(struct open_session, binding.chain)},
    {"chain_variables", PARAMETER_OBJECT, false,
	offsetof(struct open_session, variables)},
    {"client", PARAMETER_STRING, false, offsetof(struct open_session, client)},
};

struct variable {
	const char *name, *value;
};

static int compare(const void *a, const void *b)
{
	return strcmp(
	    ((const struct variable *)a)->name, ((const struct variable *)b)->name);
}

/* Reads them into `list`: their number, or -EINVAL. */
static int read_variables(struct json_value object, struct variable *list)
{
	struct json_value v;
	const char *name;
	int position = 0, n = 0;

	while (json_next_member(object, &position, &name, &v)) {
		if (n == DESTINATION_VARIABLES_MAX || !json_string(v) ||
		    !destination_variable_name_is_valid(name) ||
		    !destination_variable_value_is_valid(json_string(v)))
			return -EINVAL;
		list[n++] = (struct variable){.name = name, .value = json_string(v)};
	}
	return n;
}

/* As binding.h has them: *ret is malloc'd, NULL for none. 0, -EINVAL or -ENOMEM. */
static int print_variables(struct json_value object, char **ret)
{
	struct variable list[DESTINATION_VARIABLES_MAX];
	_cleanup_secret_ struct secret lines = {0};
	int n, r = 0;

	*ret = NULL;
	n = object.json ? read_variables(object, list) : 0;
	if (n <= 0)
		return n;
	qsort(list, (size_t)n, sizeof(*list), compare);
	for (int i = 0; i < n && r == 0; i++)
		r = secret_concat(&lines, list[i].name, "=", list[i].value, "\n", NULL);
	if (r < 0)
		return r;
	if (lines.len > BINDING_VARIABLES_LENGTH_MAX)
		return -EINVAL;
	*ret = strdup(lines.data);
	return *ret ? 0 : -ENOMEM;
}

/* Binds to the default instance, if there is one. What stands against it is told when asked for. */
static int bind(struct session *s, const struct open_session *in)
{
	struct binding b = in->binding;
	_cleanup_free_ char *instance = NULL;
	int r;

	if (!b.instance) {
		r = instance_find_default(
		    broker_config_dir(s->host->broker), &instance, &s->fault);
		if (r < 0 && !s->fault)
			return -ENOMEM;
		b.instance = instance;
	}
	if (in->client) {
		s->client = strdup(in->client);
		if (!s->client)
			return -ENOMEM;
	}
	r = binding_copy(&b, &s->binding);
	s->is_bound = r == 0;
	return r;
}

/*
 * Whether a service may have another session. Of the last ones that there may be at once each
 * service gets no more than are left then, so that none keeps the others out.
 */
static bool has_share(const struct session *s, const char *service)
{
	size_t max = s->host->sessions_max, taken = 0, own = 0;

	if (share_allows_all(max, MIN_OF(s->host->stats->sessions, max)))
		return true;
	while (s->previous)
		s = s->previous;
	for (; s; s = s->next) {
		taken += s->is_bound;
		own += s->is_bound && strcmp(s->binding.service, service) == 0;
	}
	return share_allows(max, MIN_OF(taken, max), own);
}

int open_methods_open(struct session *s, struct json_value parameters)
{
	static const char variables_name[] = "chain_variables";
	char optional[] = BINDING_OPTIONAL;
	_cleanup_free_ char *variables = NULL;
	struct open_session in = {0};
	const char *bad;
	int r;

	bad = parameters_read(parameters, table, ELEMENTSOF(table), &in);
	r = bad ? 0 : print_variables(in.variables, &variables);
	if (r == -ENOMEM)
		return r;
	if (r == -EINVAL)
		bad = variables_name;
	in.binding.fragment_optional = in.fragment_optional ? optional : NULL;
	in.binding.chain_variables = variables;
	if (!bad)
		bad = binding_find_bad_name(&in.binding);
	if (!bad && in.client && strlen(in.client) > CLIENT_LENGTH_MAX)
		bad = "client";
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (s->is_bound)
		return reply_error(
		    &s->out, "io.maildest.Helper.SessionAlreadyOpen", NULL, NULL);
	if (!has_share(s, in.binding.service))
		return reply_error(&s->out, "io.maildest.Helper.LimitExceeded", "reason",
		    "this service's sessions have most of the connections that there may "
		    "be; the last are for other services");
	r = bind(s, &in);
	return r < 0 ? r : reply_empty(&s->out);
}
