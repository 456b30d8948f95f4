/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From resources to services, step by step. A step that finds something wrong leaves the
 * service in the list, so that somebody can be told, and takes its socket away only where
 * it could have none.
 */

#include "services-private.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "dns-name.h"
#include "owner.h"
#include "reason.h"
#include "text.h"
#include "unit-files.h"

#define GROUP_FILE "/etc/group"

static void service_done(struct service_unit *s)
{
	for (size_t i = 0; i < s->n_arguments; i++)
		free(s->arguments[i]);
	free(s->arguments);
	free(s->name);
	free(s->host);
	free(s->warning);
	free(s->socket);
	free(s->unit);
	free(s->group);
	verdict_done(&s->verdict);
}

void services_done(struct services *s)
{
	for (size_t i = 0; i < s->n; i++)
		service_done(&s->list[i]);
	free(s->list);
	free(s->path);
	free(s->warning);
	settings_done(&s->settings);
	resources_done(&s->resources);
	state_table_done(&s->addresses);
	state_table_done(&s->places);
	state_table_done(&s->protocols);
	state_table_done(&s->found);
	state_table_done(&s->refusals);
	state_table_done(&s->left_out);
	*s = (struct services){0};
}

int service_unit_warn(char **warning, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	char *both;
	va_list ap;

	va_start(ap, format);
	text = text_vformat(format, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	if (!*warning) {
		*warning = TAKE_PTR(text);
		return 0;
	}
	both = text_format("%s; %s", *warning, text);
	if (!both)
		return -ENOMEM;
	free(*warning);
	*warning = both;
	return 0;
}

/* Takes over `why`, the reason why something is left out. */
static int note(struct services *s, char *why)
{
	int r = why ? service_unit_warn(&s->warning, "%s", why) : -ENOMEM;

	free(why);
	return r;
}

/* maildest.conf, if only root can have written it. */
static int load_settings(const struct config *c, struct settings *ret, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	int r;

	r = owner_read(c, NULL, "maildest.conf", CONFIG_FILE_MAX, &f, ret_why);
	if (r == -ENOENT) {
		free(*ret_why);
		*ret_why = NULL;
		return 0;
	}
	return r < 0 ? r : settings_load(c, ret, ret_why);
}

/* A mistake in maildest.conf must not close ports: what it said when it was valid counts. */
static int load_old_settings(
    const struct config *c, struct settings *ret, bool *ret_is_sure)
{
	_cleanup_config_ struct config old = CONFIG_INIT;
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *path = NULL, *why = NULL, *why_not = NULL;
	int r;

	*ret_is_sure = false;
	path = text_format("%s/" STATE_FOLDER, c->path);
	if (!path)
		return -ENOMEM;
	r = config_open(&old, path, &why);
	if (r == 0)
		r = owner_read(&old, NULL, "maildest.conf", CONFIG_FILE_MAX, &f, &why);
	if (r == 0)
		r = settings_load(&old, ret, &why_not);
	*ret_is_sure = r == 0;
	return r == -ENOMEM ? r : 0;
}

static int read_settings(const struct config *c, struct services *s, bool *ret_is_sure)
{
	char *why = NULL;
	int r;

	*ret_is_sure = true;
	r = load_settings(c, &s->settings, &why);
	if (r == 0 || r == -ENOMEM)
		return r;
	r = note(s, why);
	return r < 0 ? r : load_old_settings(c, &s->settings, ret_is_sure);
}

static int read_table(
    const struct config *c, struct services *s, const char *file, struct state_table *ret)
{
	char *why = NULL;
	int r;

	r = state_table_read(c, file, ret, &why);
	return r == 0 || r == -ENOMEM ? r : note(s, why);
}

/* Names, and whether they can be one. */
static int name_service(struct service_unit *s)
{
	const char *name = s->resource->name;
	int r;

	s->name = s->tenant ? text_format("%s_%s", name, s->tenant) : strdup(name);
	s->host = s->tenant ? text_format("%s-%s", name, s->tenant) : strdup(name);
	if (!s->name || !s->host)
		return -ENOMEM;
	s->is_served = true;
	if (strlen(s->host) <= DNS_LABEL_MAX && strlen(s->name) <= SERVICE_NAME_MAX)
		return 0;
	s->is_served = false;
	r = verdict_set(&s->verdict, CONDITION_FAILED_TO_APPLY,
	    "tenant %s: the name '%s' would be longer than %d characters", s->tenant,
	    s->host, DNS_LABEL_MAX);
	return r == -ENOMEM ? r : 0;
}

static int add_service(
    struct services *s, const struct resource_entry *e, const char *tenant)
{
	struct service_unit *new = &s->list[s->n];

	if (s->n == SERVICES_MAX) {
		s->is_full = true;
		return 0;
	}
	s->n++;
	new->resource = &e->resource;
	new->tenant = tenant;
	new->is_copy = e->is_copy;
	if (e->resource.warning &&
	    service_unit_warn(&new->warning, "%s", e->resource.warning) < 0)
		return -ENOMEM;
	return name_service(new);
}

static bool is_good(const struct resource_entry *e)
{
	return !e->is_skipped && e->resource.verdict.condition == CONDITION_SUCCESSFUL;
}

/* TenantMode=dedicated: this host is one tenant's, whatever a resource says. */
static int refuse_tenants(struct services *s)
{
	if (s->settings.tenant_mode != TENANT_DEDICATED)
		return 0;
	for (size_t i = 0; i < s->resources.n; i++) {
		struct resource_entry *e = &s->resources.list[i];

		if (is_good(e) && e->resource.is_shared &&
		    verdict_set(&e->resource.verdict, CONDITION_ANNOTATION_INVALID,
			"TenantMode=dedicated in maildest.conf allows no tenants") ==
			-ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static int add_services(struct services *s)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < s->resources.n; i++)
		n += s->resources.list[i].resource.n_tenants + 1;
	s->list = calloc(MIN_OF(n, (size_t)SERVICES_MAX) + 1, sizeof(*s->list));
	if (!s->list)
		return -ENOMEM;
	for (size_t i = 0; i < s->resources.n && r == 0; i++) {
		const struct resource_entry *e = &s->resources.list[i];

		if (is_good(e) && !e->resource.is_shared)
			r = add_service(s, e, NULL);
		for (size_t k = 0; is_good(e) && k < e->resource.n_tenants && r == 0; k++)
			r = add_service(s, e, e->resource.tenants[k]);
	}
	return r;
}

static int describe(
    struct services *s, const struct config *c, bool is_sure, const char *group_file)
{
	_cleanup_(group_names_done) struct group_names groups = {0};
	int r;

	r = group_names_read(group_file ? group_file : GROUP_FILE, &groups);
	for (size_t i = 0; i < s->n && r == 0; i++) {
		r = service_unit_set_protocol(&s->list[i], c, s);
		if (r == 0)
			r = service_unit_set_access(
			    &s->list[i], &s->settings, is_sure, &groups);
	}
	return r;
}

int services_load(const struct config *c, const char *group_file, struct services *ret)
{
	_cleanup_services_ struct services s = {0};
	bool is_sure;
	int r;

	s.path = strdup(c->path);
	r = s.path ? read_settings(c, &s, &is_sure) : -ENOMEM;
	if (r == 0)
		r = read_table(c, &s, "addresses", &s.addresses);
	if (r == 0)
		r = read_table(c, &s, SERVICES_PLACES, &s.places);
	if (r == 0)
		r = read_table(c, &s, "protocols", &s.protocols);
	if (r == 0)
		r = read_table(c, &s, SERVICES_FOUND, &s.found);
	if (r == 0)
		r = read_table(c, &s, "refusals", &s.refusals);
	if (r == 0)
		r = read_table(c, &s, SERVICES_LEFT_OUT, &s.left_out);
	if (r == 0)
		r = resources_read(c, &s.resources);
	if (r == 0 && s.resources.is_full)
		r = service_unit_warn(&s.warning,
		    "there are more than %d resources: the rest", RESOURCES_MAX);
	if (r == 0)
		r = services_check_resources(&s, c);
	if (r == 0)
		r = refuse_tenants(&s);
	if (r == 0)
		r = add_services(&s);
	if (r == 0)
		r = services_check_hosts(&s);
	if (r == 0 && s.is_full)
		r = service_unit_warn(&s.warning,
		    "there are more than %d services: the rest", SERVICES_MAX);
	if (r == 0)
		r = describe(&s, c, is_sure, group_file);
	if (r == 0)
		r = services_set_places(&s);
	for (size_t i = 0; i < s.n && r == 0; i++)
		r = service_unit_set_arguments(&s.list[i]);
	if (r == 0)
		r = units_name(&s);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct services){0};
	return 0;
}

const struct service_unit *services_find(const struct services *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->list[i].name, name) == 0)
			return &s->list[i];
	return NULL;
}

char *service_unit_long_host(const struct service_unit *s)
{
	char *host;

	errno = 0;
	if (!s->resource->name_space)
		return NULL;
	host = text_format("%s.%s", s->host, s->resource->name_space);
	if (!host)
		return NULL;
	return host;
}
