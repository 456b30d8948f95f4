/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After `systemctl daemon-reload` alone a socket whose address changed is closed and
 * stays "active"; so what has to be restarted is found by three questions: what the
 * generator wrote when the socket was last touched, what it writes now, and what the
 * kernel says is open.
 */

#include "apply-work.h"

#include <errno.h>
#include <string.h>

#include "text.h"

char *apply_sibling(const char *unit, const char *suffix)
{
	const char *dot = strrchr(unit, '.');
	char *name;

	name = text_format("%.*s%s", dot ? (int)(dot - unit) : 0, unit, suffix);
	if (!name)
		return NULL;
	return name;
}

bool apply_is_up(const struct manager_unit *u)
{
	return u && strcmp(u->active, "inactive") != 0 &&
	       strcmp(u->active, "failed") != 0;
}

static bool is_active(const struct manager_unit *u)
{
	return u && strcmp(u->active, "active") == 0;
}

static int add_step(struct apply *a, const char *unit, const char *action)
{
	struct apply_step *steps = reallocarray(a->steps, a->n + 1, sizeof(*steps));

	if (!steps)
		return -ENOMEM;
	a->steps = steps;
	steps[a->n] = (struct apply_step){strdup(unit), action, false};
	return steps[a->n].unit ? (a->n++, 0) : -ENOMEM;
}

/* Whether each address of the unit is open. */
static bool is_deaf(struct apply_work *w, const struct manager_unit *u)
{
	_cleanup_free_ char *listen = manager_listen(&w->manager, u->path);
	char *rest = listen, *word;

	while ((word = strsep(&rest, " ")))
		if (!place_is_open(&w->sockets, word))
			return true;
	return false;
}

static bool has_changed(const struct apply_work *w, const char *unit)
{
	const char *now = state_table_find(&w->after, unit);
	const char *then = state_table_find(&w->noted, unit);

	if (!then)
		then = state_table_find(&w->before, unit);
	return now && then && strcmp(now, then) != 0;
}

/* A socket that runs: it stays, goes, or has to be without its service. */
static int plan_socket(
    const struct apply_work *w, struct apply *a, const struct manager_unit *u)
{
	_cleanup_free_ char *service = NULL;
	bool is_wanted = manager_units_find(&w->wanted, u->name);

	if (!is_active(u))
		return 0;
	if (!is_wanted)
		return add_step(a, u->name, "stop");
	if (w->wanted_forks)
		return 0;
	service = apply_sibling(u->name, ".service");
	if (!service)
		return -ENOMEM;
	if (!apply_is_up(manager_units_find(&w->listeners, service)))
		return 0;
	return add_step(
	    a, u->name, manager_units_find(&w->masked, u->name) ? "stop" : "restart");
}

/* A forking service that runs without its socket. */
static int plan_listener(
    const struct apply_work *w, struct apply *a, const struct manager_unit *u)
{
	_cleanup_free_ char *socket = NULL;

	if (strchr(u->name, '@') || !apply_is_up(u)) /* with '@' it is a session */
		return 0;
	socket = apply_sibling(u->name, ".socket");
	if (!socket)
		return -ENOMEM;
	if (is_active(manager_units_find(&w->running, socket)) ||
	    (w->wanted_forks && manager_units_find(&w->wanted, socket)))
		return 0;
	return add_step(a, u->name, "stop");
}

int apply_plan_stops(const struct apply_work *w, struct apply *a)
{
	int r = 0;

	for (size_t i = 0; i < w->running.n && r == 0; i++)
		r = plan_socket(w, a, &w->running.list[i]);
	for (size_t i = 0; i < w->listeners.n && r == 0; i++)
		r = plan_listener(w, a, &w->listeners.list[i]);
	return r;
}

/* Whether one of the first steps is the unit's. */
static bool has_step(const struct apply *a, size_t n, const char *unit)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(a->steps[i].unit, unit) == 0)
			return true;
	return false;
}

static int note_masked(struct apply *a, const char *unit)
{
	char *all;

	all =
	    text_format("%s%s%s", a->masked ? a->masked : "", a->masked ? " " : "", unit);
	if (!all)
		return -ENOMEM;
	free(a->masked);
	a->masked = all;
	return 0;
}

static int plan_start(struct apply_work *w, struct apply *a, const char *unit)
{
	const struct manager_unit *now = manager_units_find(&w->running, unit);

	if (manager_units_find(&w->masked, unit))
		return note_masked(a, unit);
	if (manager_units_find(&w->held, unit))
		return 0;
	if (!is_active(now))
		return add_step(a, unit, "start");
	return has_changed(w, unit) || is_deaf(w, now) ? add_step(a, unit, "restart") : 0;
}

int apply_plan_starts(struct apply_work *w, struct apply *a)
{
	size_t n = a->n;
	int r = 0;

	for (size_t i = 0; i < w->wanted.n && r == 0; i++)
		if (!has_step(a, n, w->wanted.list[i].name))
			r = plan_start(w, a, w->wanted.list[i].name);
	return r;
}
