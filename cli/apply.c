/* SPDX-License-Identifier: Apache-2.0 */
#include "apply.h"

#include <errno.h>
#include <string.h>

#include "apply-notes.h"
#include "apply-work.h"
#include "deadline.h"
#include "state-lock.h"
#include "terminal.h"
#include "text.h"

#define PATIENCE_USEC (90 * USEC_PER_SEC) /* for another one */

typedef int (*getter)(struct manager *, const char *, struct manager_units *, char **);

static void work_done(struct apply_work *w)
{
	manager_done(&w->manager);
	services_done(&w->services);
	state_table_done(&w->noted);
	state_table_done(&w->before);
	state_table_done(&w->after);
	manager_units_done(&w->wanted);
	manager_units_done(&w->running);
	manager_units_done(&w->listeners);
	manager_units_done(&w->masked);
	manager_units_done(&w->held);
	sockets_done(&w->sockets);
	state_lock_release(&w->lock);
	if (w->parent >= 0)
		(void)close(w->parent); /* nothing was written */
	signals_release(&w->signals);
}

void apply_done(struct apply *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->steps[i].unit);
	free(a->steps);
	free(a->failed);
	free(a->masked);
	free(a->conflicts);
	free(a->broken);
	free(a->warning);
	*a = (struct apply){0};
}

/* Those of single services and those of groups as one list, replacing another. */
static int list(struct manager *m, getter get, const char *services, const char *groups,
    struct manager_units *ret, char **ret_why)
{
	_cleanup_manager_units_ struct manager_units more = {0};
	int r;

	manager_units_done(ret);
	r = get(m, groups, ret, ret_why);
	if (r == 0)
		r = get(m, services, &more, ret_why);
	return r < 0 ? r : manager_units_join(ret, &more);
}

static int list_sockets(
    struct manager *m, getter get, struct manager_units *ret, char **ret_why)
{
	return list(
	    m, get, "maildest-svc-*.socket", "maildest-group-*.socket", ret, ret_why);
}

static int find_masked(struct apply_work *w, char **ret_why)
{
	_cleanup_manager_units_ struct manager_units files = {0};
	int r = list_sockets(&w->manager, manager_files, &files, ret_why);

	for (size_t i = 0; i < files.n && r == 0; i++)
		if (strncmp(files.list[i].active, "masked", strlen("masked")) == 0)
			r = manager_units_add(&w->masked, files.list[i].name);
	manager_units_sort(&w->masked);
	return r;
}

/* Says so if systemd has not made something of what was written for it, unless more is wrong. */
static int look_for_units(
    const struct apply_work *w, const struct manager_units *foreseen, struct apply *a)
{
	for (size_t i = 0; i < foreseen->n && !a->warning; i++) {
		if (manager_units_find(&w->wanted, foreseen->list[i].name))
			continue;
		a->warning = text_format(
		    "systemd has no %s: is maildest-generator where its generators are, "
		    "and what does journalctl -t maildest-generator say?",
		    foreseen->list[i].name);
		if (!a->warning)
			return -ENOMEM;
	}
	return 0;
}

static int reload(struct apply_work *w, struct apply *a, char **ret_why)
{
	_cleanup_manager_units_ struct manager_units foreseen = w->wanted;
	int r;

	w->wanted = (struct manager_units){0};
	r = apply_reload(w, ret_why);
	if (r == 0)
		r = list_sockets(&w->manager, manager_files, &w->wanted, ret_why);
	return r < 0 ? r : look_for_units(w, &foreseen, a);
}

/* Until all is done: two at once would open and close the same ports. */
static int lock(struct apply_work *w, const struct config *config, char **ret_why)
{
	w->lock = state_lock_take(
	    config, STATE_LOCK_TABLES, deadline_in(PATIENCE_USEC), ret_why);
	return MIN_OF(w->lock, 0);
}

static int describe(struct secret *text, const char *name, const struct verdict *v)
{
	if (v->condition == CONDITION_SUCCESSFUL)
		return 0;
	return secret_printf(text, "%s: %s%s%s\n", name, condition_name(v->condition),
	    v->message ? ": " : "", v->message ? v->message : "");
}

/* What of the configuration is no service, or one that has something against it. */
static int find_broken(const struct services *s, struct apply *a)
{
	_cleanup_secret_ struct secret text = {0};
	int r = 0;

	for (size_t i = 0; i < s->resources.n && r == 0; i++)
		r = describe(&text, s->resources.list[i].resource.file,
		    &s->resources.list[i].resource.verdict);
	for (size_t i = 0; i < s->n && r == 0; i++)
		r = describe(&text, s->list[i].name, &s->list[i].verdict);
	if (r == 0 && text.len > 0 && !(a->broken = strdup(secret_str(&text))))
		r = -ENOMEM;
	return r;
}

static int prepare(const struct cli *c, struct apply_work *w, bool dry_run,
    struct apply *a, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	int r;

	r = config_open(&config, c->config_dir, ret_why);
	if (r == 0 && !dry_run)
		r = lock(w, &config, ret_why);
	if (r == 0)
		r = services_load(&config, NULL, &w->services);
	if (r == 0 && w->services.warning && !(a->warning = strdup(w->services.warning)))
		r = -ENOMEM;
	if (r == 0)
		r = find_broken(&w->services, a);
	if (r == 0)
		r = apply_hold_conflicts(w, a, ret_why);
	if (r == 0 && !dry_run)
		r = services_record(&config, &w->services, ret_why);
	if (r == 0)
		r = apply_draft(w, dry_run, ret_why);
	return r < 0 ? r : apply_foresee(&w->services, &w->wanted, &w->wanted_forks);
}

static int look(struct apply_work *w, char **ret_why)
{
	int r;

	sockets_done(&w->sockets);
	state_table_done(&w->noted);
	r = list_sockets(&w->manager, manager_units, &w->running, ret_why);
	if (r == 0)
		r = list(&w->manager, manager_units, "maildest-svc-*.service",
		    "maildest-group-*.service", &w->listeners, ret_why);
	if (r == 0)
		r = sockets_read(&w->sockets);
	return r < 0 ? r : apply_notes_read(&w->noted);
}

/*
 * What is to go, goes before systemd reads its units anew and forgets how it is to be
 * stopped, and before something new wants its address.
 */
static int close_old(struct apply_work *w, bool dry_run, struct apply *a, char **ret_why)
{
	int r;

	r = find_masked(w, ret_why);
	if (r == 0)
		r = look(w, ret_why);
	if (r == 0)
		r = apply_plan_stops(w, a);
	return r < 0 || dry_run ? r : apply_stop(w, a, ret_why);
}

/* Notes what now runs; of what was left out or failed, what was noted before. */
static int note(struct apply_work *w, char **ret_why)
{
	_cleanup_state_table_ struct state_table notes = {0};
	int r = 0;

	for (size_t i = 0; i < w->after.n && r == 0; i++) {
		const char *unit = w->after.rows[i].name, *hash = w->after.rows[i].value;
		const char *then = state_table_find(&w->noted, unit);

		if (!then)
			then = state_table_find(&w->before, unit);
		if (then && (manager_units_find(&w->held, unit) ||
				manager_units_find(&w->masked, unit) ||
				manager_has_failed(&w->manager, unit)))
			hash = then;
		r = state_table_set(&notes, unit, hash);
	}
	return r < 0 ? r : apply_notes_write(&notes, ret_why);
}

/* What failed once and is wanted no more would be a problem of `maildest status` for ever. */
static void forget_failures(struct apply_work *w)
{
	for (size_t i = 0; i < w->running.n; i++) {
		const struct manager_unit *u = &w->running.list[i];

		if (strcmp(u->active, "failed") == 0 &&
		    !manager_units_find(&w->wanted, u->name))
			manager_reset_failed(&w->manager, u->name);
	}
}

static int open_new(struct apply_work *w, struct apply *a, char **ret_why)
{
	int r;

	r = reload(w, a, ret_why);
	if (r == 0)
		r = look(w, ret_why);
	if (r == 0)
		forget_failures(w);
	if (r == 0)
		r = apply_plan_starts(w, a);
	if (r == 0)
		r = apply_stop(w, a, ret_why);
	if (r == 0)
		r = apply_start(w, a, ret_why);
	if (r == 0)
		r = note(w, ret_why);
	a->failed = TAKE_PTR(w->manager.failed);
	return r;
}

int apply_run(
    const struct cli *c, bool dry_run, bool force, struct apply *ret, char **ret_why)
{
	_cleanup_(work_done) struct apply_work w = {.lock = -1, .parent = -1};
	int r;

	ret->is_forced = force;
	terminal_progress(c, "asking systemd");
	r = manager_open(&w.manager, ret_why);
	if (r == 0)
		r = prepare(c, &w, dry_run, ret, ret_why);
	if (r == 0 && !dry_run) { /* half of it done would leave ports closed */
		signals_hold(&w.signals);
		terminal_progress(c, "closing and opening ports");
	}
	if (r == 0)
		r = close_old(&w, dry_run, ret, ret_why);
	if (r == 0)
		r = dry_run ? apply_plan_starts(&w, ret) : open_new(&w, ret, ret_why);
	terminal_progress_end();
	return r;
}
