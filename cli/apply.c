/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After `systemctl daemon-reload` alone a socket whose address changed is closed and
 * stays "active"; so what has to be restarted is found by three questions: what the
 * generator wrote when the socket was last touched, what it writes now, and what the
 * kernel says is open.
 */

#include "apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apply-files.h"
#include "apply-notes.h"
#include "manager.h"
#include "places.h"
#include "ports.h"
#include "reason.h"
#include "services.h"
#include "terminal.h"

static const char *const patterns[] = {
    "maildest-svc-*.socket", "maildest-group-*.socket"};

/* What apply_run() works with. */
struct work {
	struct manager manager;
	struct state_table noted, before, after; /* hashes of units, see apply-files.h */
	struct manager_units wanted;		 /* unit files */
	struct manager_units running;		 /* units in memory */
	struct sockets_seen sockets;
};

static void work_done(struct work *w)
{
	manager_done(&w->manager);
	state_table_done(&w->noted);
	state_table_done(&w->before);
	state_table_done(&w->after);
	manager_units_done(&w->wanted);
	manager_units_done(&w->running);
	sockets_done(&w->sockets);
}

void apply_done(struct apply *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->steps[i].unit);
	free(a->steps);
	free(a->failed);
	free(a->conflicts);
	*a = (struct apply){0};
}

static int add_step(struct apply *a, const char *unit, const char *action)
{
	struct apply_step *steps = reallocarray(a->steps, a->n + 1, sizeof(*steps));

	if (!steps)
		return -ENOMEM;
	a->steps = steps;
	steps[a->n] = (struct apply_step){strdup(unit), action};
	return steps[a->n].unit ? (a->n++, 0) : -ENOMEM;
}

/* Both patterns' lists as one. */
static int list(struct manager *m,
    int (*get)(struct manager *, const char *, struct manager_units *, char **),
    struct manager_units *ret, char **ret_why)
{
	int r = 0;

	manager_units_done(ret);
	for (size_t i = ELEMENTSOF(patterns); i > 0 && r == 0; i--) {
		struct manager_units more = {0};

		r = get(m, patterns[i - 1], &more, ret_why);
		if (r == 0)
			r = manager_units_join(ret, &more);
		manager_units_done(&more);
	}
	return r;
}

static bool is_active(const struct manager_unit *u)
{
	return u && strcmp(u->active, "active") == 0;
}

/* Whether each address of the unit is open. */
static bool is_deaf(struct work *w, const struct manager_unit *u)
{
	_cleanup_free_ char *listen = manager_listen(&w->manager, u->path);
	char *rest = listen, *word;

	while ((word = strsep(&rest, " ")))
		if (!place_is_open(&w->sockets, word))
			return true;
	return false;
}

static bool has_changed(const struct work *w, const char *unit)
{
	const char *now = state_table_find(&w->after, unit);
	const char *then = state_table_find(&w->noted, unit);

	if (!then)
		then = state_table_find(&w->before, unit);
	return now && then && strcmp(now, then) != 0;
}

/* Sockets that are to be no more: those that run and are not wanted. */
static int plan_stops(const struct work *w, struct apply *a)
{
	int r = 0;

	for (size_t i = 0; i < w->running.n && r == 0; i++)
		if (is_active(&w->running.list[i]) &&
		    !manager_units_find(&w->wanted, w->running.list[i].name))
			r = add_step(a, w->running.list[i].name, "stop");
	return r;
}

static int plan_starts(struct work *w, struct apply *a)
{
	int r = 0;

	for (size_t i = 0; i < w->wanted.n && r == 0; i++) {
		const char *unit = w->wanted.list[i].name;
		const struct manager_unit *now = manager_units_find(&w->running, unit);

		if (!is_active(now))
			r = add_step(a, unit, "start");
		else if (has_changed(w, unit) || is_deaf(w, now))
			r = add_step(a, unit, "restart");
	}
	return r;
}

static const char *method_of(const char *action)
{
	if (strcmp(action, "start") == 0)
		return "StartUnit";
	return strcmp(action, "stop") == 0 ? "StopUnit" : "RestartUnit";
}

/*
 * A forking service goes with its socket (PartOf=), but later: until it has gone, it
 * listens, so that is waited for too. Once its file is gone, systemd knows nothing any
 * more of its KillMode=process and would cut its sessions: that is left to the
 * administrator. Per connection there is no such unit.
 */
static int stop_service(struct work *w, const char *socket)
{
	_cleanup_free_ char *service = NULL, *path = NULL, *state = NULL, *active = NULL;
	size_t n = strlen(socket) - strlen(".socket");
	_cleanup_free_ char *ignored = NULL;

	if (asprintf(&service, "%.*s.service", (int)n, socket) < 0) {
		service = NULL;
		return -ENOMEM;
	}
	if (manager_load(&w->manager, service, &path) < 0)
		return 0;
	state = manager_text(&w->manager, path, "Unit", "LoadState");
	active = manager_text(&w->manager, path, "Unit", "ActiveState");
	if (!state || !active || strcmp(active, "active") != 0)
		return 0;
	if (strcmp(state, "loaded") != 0)
		return manager_note_failure(&w->manager, service);
	return manager_queue(&w->manager, "StopUnit", service, &ignored) == -ENOMEM
		   ? -ENOMEM
		   : 0;
}

/* All stops, or all others. A unit that cannot even be queued has failed. */
static int run_steps(struct work *w, struct apply *a, bool stops, char **ret_why)
{
	int r = 0;

	for (size_t i = 0; i < a->n && r == 0; i++) {
		const struct apply_step *s = &a->steps[i];

		if ((strcmp(s->action, "stop") == 0) != stops)
			continue;
		r = manager_queue(&w->manager, method_of(s->action), s->unit, ret_why);
		if (r == 0 && stops)
			r = stop_service(w, s->unit);
	}
	return r < 0 ? r : manager_wait(&w->manager, ret_why);
}

/* Lines of what stands in the way, or 0 without any. */
static int find_conflicts(
    const struct services *s, struct manager *m, struct apply *a, char **ret_why)
{
	_cleanup_port_conflicts_ struct port_conflicts p = {0};
	_cleanup_secret_ struct secret text = {0};
	int r = ports_find_conflicts(s, m, &p, ret_why);

	for (size_t i = 0; i < p.n && r == 0; i++)
		r = secret_printf(&text, "%s %s: %s\n", p.list[i].service,
		    p.list[i].address, p.list[i].other);
	if (r < 0 || p.n == 0)
		return r;
	a->conflicts = strdup(secret_str(&text));
	return a->conflicts ? -EADDRINUSE : -ENOMEM;
}

static int reload(struct work *w, char **ret_why)
{
	int r;

	r = apply_files_read(&w->wanted, &w->before);
	if (r == 0)
		r = manager_reload(&w->manager, ret_why);
	if (r == 0)
		r = list(&w->manager, manager_files, &w->wanted, ret_why);
	return r < 0 ? r : apply_files_read(&w->wanted, &w->after);
}

static int prepare(const struct cli *c, struct work *w, bool dry_run, bool force,
    struct apply *a, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_services_ struct services s = {0};
	int r;

	r = config_open(&config, c->config_dir, ret_why);
	if (r == 0)
		r = services_load(&config, NULL, &s);
	if (r == 0)
		r = find_conflicts(&s, &w->manager, a, ret_why);
	if (r == -EADDRINUSE && force)
		r = 0;
	if (r < 0 || dry_run)
		return r;
	return services_record(&config, &s, ret_why);
}

static int look(struct work *w, char **ret_why)
{
	int r;

	sockets_done(&w->sockets);
	state_table_done(&w->noted);
	r = list(&w->manager, manager_units, &w->running, ret_why);
	if (r == 0)
		r = sockets_read(&w->sockets);
	return r < 0 ? r : apply_notes_read(&w->noted);
}

/*
 * What is to go, goes before systemd reads its units anew and forgets how it is to be
 * stopped, and before something new wants its address.
 */
static int close_old(
    const struct cli *c, struct work *w, bool dry_run, struct apply *a, char **ret_why)
{
	int r;

	r = apply_foresee(c, &w->wanted, ret_why);
	if (r == 0)
		r = look(w, ret_why);
	if (r == 0)
		r = plan_stops(w, a);
	return r < 0 || dry_run ? r : run_steps(w, a, true, ret_why);
}

static int open_new(struct work *w, struct apply *a, char **ret_why)
{
	int r;

	r = reload(w, ret_why);
	if (r == 0)
		r = look(w, ret_why);
	if (r == 0)
		r = plan_starts(w, a);
	if (r == 0)
		r = run_steps(w, a, false, ret_why);
	if (r < 0)
		return r;
	a->failed = TAKE_PTR(w->manager.failed);
	return a->failed ? 0 : apply_notes_write(&w->after, ret_why);
}

int apply_run(
    const struct cli *c, bool dry_run, bool force, struct apply *ret, char **ret_why)
{
	_cleanup_(work_done) struct work w = {0};
	int r;

	terminal_progress(c, "asking systemd");
	r = manager_open(&w.manager, ret_why);
	if (r == 0)
		r = prepare(c, &w, dry_run, force, ret, ret_why);
	if (r == 0)
		r = close_old(c, &w, dry_run, ret, ret_why);
	if (r == 0)
		r = dry_run ? plan_starts(&w, ret) : open_new(&w, ret, ret_why);
	terminal_progress_end();
	return r;
}
