/* SPDX-License-Identifier: Apache-2.0 */
/* Resources, by what the generator makes of them. */

#include <errno.h>
#include <string.h>

#include "checks.h"
#include "host-names.h"
#include "services.h"
#include "text.h"

/* "file, line N", malloc'd; for resources without a name. */
static char *place_of(const struct resource *r)
{
	if (r->line == 0)
		return strdup(r->file);
	return text_format("%s, line %u", r->file, r->line);
}

static void add_verdict(struct check *k, const char *kind, const char *name,
    const struct verdict *verdict, const char *warning)
{
	_cleanup_free_ char *reason = NULL;

	if (verdict->condition == CONDITION_SUCCESSFUL) {
		verdicts_add(&k->verdicts, kind, name,
		    warning ? VERDICT_WARNING : VERDICT_OK, warning);
		return;
	}
	reason = text_format("%s: %s", condition_name(verdict->condition),
	    verdict->message ? verdict->message : "");
	verdicts_add(&k->verdicts, kind, name, VERDICT_ERROR, reason);
}

/* Resources that are broken as such; those that are not have services that tell of them. */
static void add_resource(struct check *k, const struct resource_entry *e)
{
	_cleanup_free_ char *place = place_of(&e->resource);
	const char *name = e->resource.name ? e->resource.name : place;

	if (!name || !verdicts_want(&k->verdicts, name))
		return;
	if (!e->is_skipped && e->resource.verdict.condition != CONDITION_SUCCESSFUL)
		add_verdict(k, "resource", name, &e->resource.verdict, NULL);
	else if (e->is_skipped || e->resource.warning)
		verdicts_add(
		    &k->verdicts, "resource", name, VERDICT_WARNING, e->resource.warning);
}

/* Names of this host that services would take from it. */
static void check_names(struct check *k, const struct services *s)
{
	_cleanup_host_names_ struct host_names h = {0};
	int r = host_names_read_all(&h);

	if (r < 0)
		verdicts_add_result(&k->verdicts, "name", HOST_NAMES_FILE, r, NULL);
	for (size_t i = 0; i < s->n && r >= 0; i++) {
		const struct service_unit *one = &s->list[i];
		_cleanup_free_ char *why = NULL;

		if (!one->is_served || address_is_wildcard(&one->endpoint.address) ||
		    !verdicts_want(&k->verdicts, one->name))
			continue;
		r = host_names_complain(&h, one, &why);
		if (r > 0)
			verdicts_add(
			    &k->verdicts, "name", one->name, VERDICT_WARNING, why);
	}
}

void check_services(struct check *k)
{
	_cleanup_services_ struct services s = {0};

	if (services_load(&k->config, NULL, &s) < 0) {
		verdicts_add_result(&k->verdicts, "service", "services", -ENOMEM, NULL);
		return;
	}
	if (s.warning && !k->verdicts.only)
		verdicts_add(
		    &k->verdicts, "service", "services", VERDICT_WARNING, s.warning);
	for (size_t i = 0; i < s.resources.n; i++)
		add_resource(k, &s.resources.list[i]);
	for (size_t i = 0; i < s.n; i++)
		if (verdicts_want(&k->verdicts, s.list[i].name))
			add_verdict(k, "service", s.list[i].name, &s.list[i].verdict,
			    s.list[i].warning);
	check_missing_clients(k, &s);
	check_names(k, &s);
	check_ports(k, &s);
}
