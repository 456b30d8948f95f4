/* SPDX-License-Identifier: Apache-2.0 */
/* What the handler of a service is told: literal arguments, the destination behind "--". */

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "secret.h"
#include "services-private.h"
#include "text.h"

/* Options that stand at most once, "--" and the destination, NULL. */
#define ARGUMENTS_BASE 16

static int add(struct service_unit *s, const char *format, ...) _printf_(2, 3);

static int add(struct service_unit *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	s->arguments[s->n_arguments] = text_vformat(format, ap);
	va_end(ap);
	if (!s->arguments[s->n_arguments])
		return -ENOMEM;
	s->n_arguments++;
	return 0;
}

static int add_if(struct service_unit *s, const char *option, const char *value)
{
	return value ? add(s, "--%s=%s", option, value) : 0;
}

static int add_chain(struct service_unit *s)
{
	const struct resource *o = s->resource;
	int r = add_if(s, "chain", o->chain);

	for (size_t i = 0; i < o->n_variables && r == 0; i++)
		r = add(
		    s, "--chain-var=%s=%s", o->variables[i].name, o->variables[i].value);
	return r;
}

static int add_clients(struct service_unit *s)
{
	switch (s->access) {
	case ACCESS_EVERYONE:
		return add(s, "--clients=everyone");
	case ACCESS_GROUP:
		return add(s, "--clients=group:%s", s->group);
	case ACCESS_ROOT:
		break;
	}
	return add(s, "--clients=root");
}

static int add_allow(struct service_unit *s)
{
	_cleanup_secret_ struct secret list = {0};
	char text[NETWORK_TEXT_MAX];
	int r = 0;

	if (s->resource->n_allow == 0)
		return 0;
	for (size_t i = 0; i < s->resource->n_allow && r == 0; i++) {
		network_format(&s->resource->allow[i], text);
		r = secret_printf(&list, "%s%s", i ? "," : "", text);
	}
	return r < 0 ? r : add(s, "--allow=%s", secret_str(&list));
}

int service_unit_set_arguments(struct service_unit *s)
{
	const struct resource *o = s->resource;
	int r;

	s->arguments = calloc(ARGUMENTS_BASE + o->n_variables, sizeof(*s->arguments));
	if (!s->arguments)
		return -ENOMEM;
	r = add(s, "--service=%s", s->name);
	if (r == 0)
		r = add_if(s, "tenant", s->tenant);
	if (r == 0)
		r = add_if(s, "fragment", o->fragment);
	if (r == 0 && o->fragment_optional)
		r = add(s, "--fragment-optional");
	if (r == 0)
		r = add_if(s, "instance", o->instance);
	if (r == 0)
		r = add_if(s, "level", o->level);
	if (r == 0)
		r = add_if(s, "fragment-level", o->fragment_level);
	if (r == 0)
		r = add_chain(s);
	if (r == 0)
		r = add_clients(s);
	if (r == 0)
		r = add_allow(s);
	if (r == 0)
		r = add_if(s, "client-login", o->client_login);
	if (r == 0)
		r = add(s, "--");
	return r < 0 ? r : add(s, "%s", o->destination);
}
