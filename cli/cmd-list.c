/* SPDX-License-Identifier: Apache-2.0 */
/* maildest list: services as they are meant to be, and as they are. */

#include <errno.h>
#include <string.h>

#include "answer.h"
#include "identity.h"
#include "installed.h"
#include "manager.h"
#include "options.h"
#include "pending.h"
#include "places.h"
#include "ports.h"
#include "services.h"
#include "table.h"
#include "text.h"

enum column {
	SERVICE,
	TENANT,
	RESOURCE,
	NAMESPACE,
	DESTINATION,
	NAMES,
	ADDRESS,
	PORT,
	SOCKET,
	STATE,
	AVAILABLE,
	REASON,
	MESSAGE,
};

static const struct table_column columns[] = {
    [SERVICE] = {"SERVICE", "service"},
    [TENANT] = {"TENANT", "tenant"},
    [RESOURCE] = {NULL, "resource"},
    [NAMESPACE] = {NULL, "namespace"},
    [DESTINATION] = {"DESTINATION", "destination"},
    [NAMES] = {"NAMES", "names"},
    [ADDRESS] = {"ADDRESS", "address"},
    [PORT] = {"PORT", "port"},
    [SOCKET] = {"SOCKET", "socket"},
    [STATE] = {"STATE", "state"},
    [AVAILABLE] = {NULL, "available"},
    [REASON] = {"REASON", "reason"},
    [MESSAGE] = {"MESSAGE", "message"},
};
_Static_assert(ELEMENTSOF(columns) <= TABLE_COLUMNS_MAX, "room for all");

/* What is asked about the whole system once. */
struct view {
	const char *only; /* NULL: all */
	struct table table;
	struct services services;
	struct sockets_seen sockets;
	struct pending pending;
	struct manager_units units; /* empty where there is no systemd */
	struct installed installed; /* likewise */
	struct manager manager;	    /* likewise */
	/* who else has our ports: asked for once something does not listen */
	struct port_conflicts others, others_of_installed;
	bool has_manager, knows_others;
	bool is_bad; /* something is not as it shall be */
};

static void view_done(struct view *v)
{
	table_done(&v->table);
	services_done(&v->services);
	sockets_done(&v->sockets);
	pending_done(&v->pending);
	manager_units_done(&v->units);
	installed_done(&v->installed);
	manager_done(&v->manager);
	port_conflicts_done(&v->others);
	port_conflicts_done(&v->others_of_installed);
}

/* By the kernel; where it says no, systemd may know why. */
static const char *find_state(const struct view *v, const struct service_unit *s)
{
	const struct manager_unit *known =
	    s->unit ? manager_units_find(&v->units, s->unit) : NULL;

	if (!s->is_served)
		return "not served";
	if (!s->is_left_out && pending_find(&v->pending, s) == PENDING_CHANGED)
		return "changed, not applied";
	if (place_of_service_is_open(&v->sockets, s))
		return "listening";
	if (s->is_left_out)
		return "left out";
	if (known && strcmp(known->active, "failed") == 0)
		return "failed";
	return known && strcmp(known->active, "active") == 0 ? "deaf" : "not applied";
}

static void add_verdict(
    struct view *v, const struct verdict *verdict, const char *warning)
{
	bool is_good = verdict->condition == CONDITION_SUCCESSFUL;

	table_text(&v->table, AVAILABLE, TABLE_PLAIN, is_good ? "True" : "False");
	table_text(&v->table, REASON, is_good ? TABLE_GOOD : TABLE_BAD,
	    condition_name(verdict->condition));
	table_text(&v->table, MESSAGE, TABLE_PLAIN, is_good ? warning : verdict->message);
	v->is_bad |= !is_good;
}

static void add_names(struct table *t, const struct service_unit *s)
{
	_cleanup_free_ char *long_host = service_unit_long_host(s), *both = NULL;

	both = text_format(
	    "%s%s%s", s->host, long_host ? " " : "", long_host ? long_host : "");
	table_list(t, NAMES, TABLE_PLAIN, both);
}

static void add_place(struct table *t, const struct service_unit *s)
{
	char address[NETWORK_TEXT_MAX];

	if (!s->is_served)
		return;
	address_format(&s->endpoint.address, address);
	table_text(t, ADDRESS, TABLE_PLAIN, address);
	table_number(t, PORT, TABLE_PLAIN, s->endpoint.port, NULL);
	table_text(t, SOCKET, TABLE_PLAIN, s->socket);
}

/* That it cannot be told, `maildest check` says. */
static void find_others(struct view *v)
{
	_cleanup_ports_wanted_ struct ports_wanted services = {0}, installed = {0};
	_cleanup_free_ char *ignored = NULL, *too = NULL;

	v->knows_others = true;
	if (!v->has_manager || ports_of_services(&v->services, &services) < 0 ||
	    ports_of_installed(&v->installed, &installed) < 0)
		return;
	if (ports_find_conflicts(&services, &v->manager, &v->others, &ignored) < 0 ||
	    ports_find_conflicts(&installed, &v->manager, &v->others_of_installed, &too) <
		0)
		port_conflicts_done(&v->others);
}

/* Who else has the port of one that does not listen, or NULL; `of` is one of the view's. */
static const char *who_else(
    struct view *v, const struct port_conflicts *of, const char *name)
{
	const struct port_conflict *found;

	if (!v->knows_others)
		find_others(v);
	found = port_conflicts_find(of, name);
	return found ? found->other : NULL;
}

/* What is to be said of a service that is good, by itself; malloc'd, or NULL. */
static char *explain(struct view *v, const struct service_unit *s, bool is_open)
{
	const char *warning = s->warning, *other = NULL;

	if (!is_open && (!warning || s->is_left_out))
		other = who_else(v, &v->others, s->name);
	if (!warning && !other)
		return NULL;
	return text_format("%s%s%s", warning ? warning : "", warning && other ? ": " : "",
	    other ? other : "");
}

static void add_service(struct view *v, const struct service_unit *s)
{
	const char *state = find_state(v, s);
	bool is_open = strcmp(state, "listening") == 0;
	_cleanup_free_ char *why = explain(v, s, is_open);

	table_row(&v->table);
	table_text(&v->table, SERVICE, TABLE_PLAIN, s->name);
	table_text(&v->table, TENANT, TABLE_PLAIN, s->tenant);
	table_text(&v->table, RESOURCE, TABLE_PLAIN, s->resource->name);
	table_text(&v->table, NAMESPACE, TABLE_PLAIN, s->resource->name_space);
	table_text(&v->table, DESTINATION, TABLE_PLAIN, s->resource->destination);
	add_names(&v->table, s);
	add_place(&v->table, s);
	table_text(&v->table, STATE, is_open ? TABLE_GOOD : TABLE_BAD, state);
	add_verdict(v, &s->verdict, why);
	v->is_bad |= !is_open || s->is_copy;
}

/* A resource that became no service. */
static void add_resource(struct view *v, const struct resource *r)
{
	_cleanup_free_ char *place = NULL;

	place = r->line ? text_format("%s:%u", r->file, r->line) : strdup(r->file);
	if (v->only && (!r->name || strcmp(r->name, v->only) != 0))
		return;
	table_row(&v->table);
	table_text(&v->table, SERVICE, TABLE_PLAIN, r->name ? r->name : place);
	table_text(&v->table, RESOURCE, TABLE_PLAIN, r->name);
	table_text(&v->table, NAMESPACE, TABLE_PLAIN, r->name_space);
	table_text(&v->table, STATE, TABLE_BAD, "not served");
	add_verdict(v, &r->verdict, r->warning);
}

static void add_installed(struct view *v, const struct installed_socket *s)
{
	const char *state = installed_state(s, &v->sockets);
	bool is_open = strcmp(state, "listening") == 0;
	_cleanup_free_ char *why = NULL;

	if (strcmp(state, "inactive") == 0 ||
	    (v->only && strcmp(v->only, s->service) != 0))
		return;
	if (!is_open)
		why = installed_explain(
		    s, who_else(v, &v->others_of_installed, s->service));
	table_row(&v->table);
	table_text(&v->table, SERVICE, TABLE_PLAIN, s->service);
	table_text(&v->table, DESTINATION, TABLE_PLAIN, s->service);
	table_text(&v->table, ADDRESS, TABLE_PLAIN, s->listen);
	table_text(&v->table, STATE, is_open ? TABLE_GOOD : TABLE_BAD, state);
	table_text(&v->table, MESSAGE, is_open ? TABLE_FAINT : TABLE_PLAIN,
	    is_open ? s->unit : why);
	v->is_bad |= !is_open;
}

/* A socket that listens on, though nothing is configured that it would serve. */
static void add_gone(struct view *v, const char *unit)
{
	const struct manager_unit *known = manager_units_find(&v->units, unit);

	if (v->only || !known || strcmp(known->active, "active") != 0)
		return;
	table_row(&v->table);
	table_text(&v->table, SERVICE, TABLE_PLAIN, unit);
	table_text(&v->table, STATE, TABLE_BAD, "removed, not applied");
	v->is_bad = true;
}

static bool is_wanted(const struct view *v, const struct service_unit *s)
{
	return !v->only || strcmp(s->name, v->only) == 0 ||
	       strcmp(s->host, v->only) == 0 ||
	       (s->resource->name && strcmp(s->resource->name, v->only) == 0);
}

static int fill(struct view *v)
{
	for (size_t i = 0; i < v->installed.n; i++)
		add_installed(v, &v->installed.list[i]);
	for (size_t i = 0; i < v->services.n; i++)
		if (is_wanted(v, &v->services.list[i]))
			add_service(v, &v->services.list[i]);
	for (size_t i = 0; i < v->services.resources.n; i++) {
		const struct resource_entry *e = &v->services.resources.list[i];

		if (!e->is_skipped && !e->is_copy &&
		    e->resource.verdict.condition != CONDITION_SUCCESSFUL)
			add_resource(v, &e->resource);
	}
	for (size_t i = 0; i < v->pending.gone.n; i++)
		add_gone(v, v->pending.gone.list[i].name);
	return table_check(&v->table);
}

/* Without systemd, the kernel says most of it. */
static int ask_systemd(struct view *v)
{
	_cleanup_free_ char *ignored = NULL;

	if (manager_open(&v->manager, &ignored) < 0)
		return 0;
	v->has_manager = true;
	if (manager_units(&v->manager, "maildest-*.socket", &v->units, &ignored) < 0)
		return 0;
	return installed_read(&v->manager, &v->installed);
}

static int look(struct view *v, const struct cli *c, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	int r;

	r = identity_open_config(c, &config, ret_why);
	if (r == 0)
		r = services_load(&config, NULL, &v->services);
	if (r == 0)
		r = sockets_read(&v->sockets);
	if (r == 0)
		r = pending_read(c, &v->services, &v->pending);
	if (r == 0 && !identity_is_elsewhere(c))
		r = ask_systemd(v);
	return r < 0 ? r : fill(v);
}

static int report(const struct cli *c, const struct view *v)
{
	_cleanup_answer_ struct answer a = {0};

	if (c->json) {
		answer_begin(&a);
		table_write(&v->table, &a.w, "services");
		if (v->services.warning)
			json_writer_string(&a.w, "warning", v->services.warning);
		if (!answer_end(&a))
			return CLI_FAILED;
	} else {
		table_print(&v->table, c);
		if (v->services.warning)
			cli_complain("%s", v->services.warning);
		if (v->table.n_rows == 0)
			cli_complain(v->only ? "there is no such service"
					     : "there are no services");
	}
	if (v->only && v->table.n_rows == 0)
		return CLI_NOTHING;
	return v->is_bad ? CLI_CONFIGURATION : CLI_OK;
}

int cmd_list(struct cli *c, int argc, char **argv)
{
	_cleanup_(view_done) struct view v = {
	    .table = {.columns = columns, .n_columns = ELEMENTSOF(columns)}};
	_cleanup_free_ char *why = NULL;
	char **words;
	int r;

	if (!cli_options(c, NULL, 0, argc, argv, 0, 1, &words))
		return CLI_USAGE;
	v.only = words[0];
	r = look(&v, c, &why);
	return r < 0 ? cli_fail(r, why) : report(c, &v);
}
