/* SPDX-License-Identifier: Apache-2.0 */
#include "unapplied.h"

#include <errno.h>
#include <string.h>

#include "apply-files.h"
#include "apply-notes.h"
#include "pending.h"
#include "text.h"

struct view {
	struct pending pending;
	struct manager_units units; /* sockets */
	struct state_table now,
	    noted; /* hashes (apply-files.h): of files, when applied */
};

static void view_done(struct view *v)
{
	pending_done(&v->pending);
	manager_units_done(&v->units);
	state_table_done(&v->now);
	state_table_done(&v->noted);
}

/* An apply that was killed leaves sockets without ports whose units have changed. */
static bool is_half_applied(const struct view *v, const char *unit)
{
	const char *now = state_table_find(&v->now, unit);
	const char *noted = state_table_find(&v->noted, unit);

	return now && noted && strcmp(now, noted) != 0;
}

/* What a socket of systemd's lacks, or NULL. */
static const char *find_lack(const struct view *v, const struct service_unit *s)
{
	const struct manager_unit *unit = manager_units_find(&v->units, s->unit);

	switch (pending_find(&v->pending, s)) {
	case PENDING_NEW:
		return "has no port yet";
	case PENDING_CHANGED:
		return "has changed";
	case PENDING_NOT:
		break;
	}
	if (!unit || strcmp(unit->active, "active") != 0 || is_half_applied(v, s->unit))
		return "does not listen";
	return NULL;
}

static int describe(const struct view *v, const struct services *s, char **ret)
{
	const char *first = NULL, *lack, *what = NULL;
	size_t n = v->pending.gone.n;

	for (size_t i = 0; i < s->n; i++) {
		const struct service_unit *one = &s->list[i];

		if (!one->is_served || one->is_left_out || !one->unit ||
		    !(lack = find_lack(v, one)))
			continue;
		n++;
		if (!first) {
			first = one->name;
			what = lack;
		}
	}
	if (n == 0)
		return 0;
	if (!first) {
		first = v->pending.gone.list[0].name;
		what = "is there, though nothing is configured that it would serve";
	}
	*ret = n == 1
		   ? text_format("%s %s", first, what)
		   : text_format("%zu sockets are not as they shall be, of which %s %s",
			 n, first, what);
	return *ret ? 0 : -ENOMEM;
}

static int ask(struct view *v)
{
	_cleanup_manager_ struct manager m = {0};
	_cleanup_manager_units_ struct manager_units groups = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = manager_open(&m, &why);
	if (r == 0)
		r = manager_units(&m, "maildest-svc-*.socket", &v->units, &why);
	if (r == 0)
		r = manager_units(&m, "maildest-group-*.socket", &groups, &why);
	return r < 0 ? r : manager_units_join(&v->units, &groups);
}

int unapplied_find(const struct cli *c, struct services *s, char **ret)
{
	_cleanup_(view_done) struct view v = {0};
	int r;

	*ret = NULL;
	r = pending_read(c, s, &v.pending);
	if (r < 0 || !v.pending.is_known)
		return r;
	r = apply_files_digests(&v.pending.then, &v.now);
	if (r == 0)
		r = apply_notes_read(&v.noted);
	if (r == 0)
		r = ask(&v);
	return r < 0 ? r : describe(&v, s, ret);
}
