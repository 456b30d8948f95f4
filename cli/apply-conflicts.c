/* SPDX-License-Identifier: Apache-2.0 */
#include "apply-work.h"

#include <errno.h>
#include <string.h>

#include "ports.h"

static int add_line(struct secret *text, const struct port_conflict *p)
{
	return secret_printf(text, "%s %s: %s\n", p->service, p->address, p->other);
}

static struct service_unit *find(struct services *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->list[i].name, name) == 0)
			return &s->list[i];
	return NULL;
}

/*
 * Leaves out what others have the place of, at boots too, where it might be faster than
 * they are: unless it is open already, which nobody shall lose. So of what has its own unit
 * that one stays as it is, if it runs, whatever place it shall have now.
 */
static int hold(struct apply_work *w, const char *service)
{
	struct service_unit *s = find(&w->services, service);

	if (!s || !s->unit)
		return 0;
	if (w->services.settings.activation == ACTIVATION_GROUPED) {
		s->is_left_out = !place_of_service_is_open(&w->sockets, s);
		return 0;
	}
	s->is_left_out = !place_is_open(&w->sockets, s->socket);
	return manager_units_add(&w->held, s->unit);
}

/* What was left out before is looked at anew. */
static void forget_left_out(struct services *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->list[i].is_left_out = false;
}

/* Who else has a port of theirs. */
static int look_for(const struct services *s, struct manager *m,
    struct port_conflicts *ret, char **ret_why)
{
	_cleanup_ports_wanted_ struct ports_wanted wanted = {0};
	int r = ports_of_services(s, &wanted);

	return r < 0 ? r : ports_find_conflicts(&wanted, m, ret, ret_why);
}

int apply_hold_conflicts(struct apply_work *w, struct apply *a, char **ret_why)
{
	_cleanup_port_conflicts_ struct port_conflicts p = {0};
	_cleanup_secret_ struct secret text = {0};
	int r = look_for(&w->services, &w->manager, &p, ret_why);

	if (r == 0)
		r = sockets_read(&w->sockets);
	forget_left_out(&w->services);
	for (size_t i = 0; i < p.n && r == 0; i++) {
		r = add_line(&text, &p.list[i]);
		if (r == 0 && !a->is_forced)
			r = hold(w, p.list[i].service);
	}
	if (r < 0 || p.n == 0)
		return r;
	manager_units_sort(&w->held);
	a->conflicts = strdup(secret_str(&text));
	return a->conflicts ? 0 : -ENOMEM;
}

int apply_find_conflict(
    const struct cli *c, const char *service, char **ret, char **ret_why)
{
	_cleanup_manager_ struct manager m = {0};
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_services_ struct services s = {0};
	_cleanup_port_conflicts_ struct port_conflicts p = {0};
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = manager_open(&m, ret_why);
	if (r == 0)
		r = config_open(&config, c->config_dir, ret_why);
	if (r == 0)
		r = services_load(&config, NULL, &s);
	if (r == 0)
		r = look_for(&s, &m, &p, ret_why);
	for (size_t i = 0; i < p.n && r == 0; i++)
		if (strcmp(p.list[i].service, service) == 0)
			r = add_line(&text, &p.list[i]);
	if (r < 0)
		return r;
	*ret = text.len ? strdup(secret_str(&text)) : NULL;
	return text.len && !*ret ? -ENOMEM : 0;
}
