/* SPDX-License-Identifier: Apache-2.0 */
#include "pending.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "apply-files.h"
#include "identity.h"
#include "kept-units.h"
#include "text.h"
#include "unit-files.h"

void pending_done(struct pending *p)
{
	state_table_done(&p->now);
	state_table_done(&p->then);
	manager_units_done(&p->gone);
	*p = (struct pending){0};
}

static bool is_gone(const struct pending *p, const char *name)
{
	const char *dot = strrchr(name, '.');

	return unit_is_generated(name) && dot && strcmp(dot, ".socket") == 0 &&
	       !state_table_find(&p->now, name);
}

static int find_gone(struct pending *p, DIR *folder)
{
	const struct dirent *d;
	int r = 0;

	while (r == 0 && (d = readdir(folder)))
		if (is_gone(p, d->d_name))
			r = manager_units_add(&p->gone, d->d_name);
	manager_units_sort(&p->gone);
	return r;
}

int pending_read(const struct cli *c, struct services *s, struct pending *ret)
{
	_cleanup_pending_ struct pending p = {
	    .is_grouped = s->settings.activation == ACTIVATION_GROUPED};
	DIR *folder = NULL;
	int r = 0;

	if (identity_is_systems(c) && !s->warning)
		folder = opendir(KEPT_UNITS_OUTPUT);
	if (folder) {
		p.is_known = true;
		r = apply_files_foresee(s, &p.now);
		if (r == 0)
			r = apply_files_read(&p.now, &p.then);
		if (r == 0)
			r = find_gone(&p, folder);
		(void)closedir(folder); /* it was only read */
	}
	if (r < 0)
		return r;
	*ret = p;
	p = (struct pending){0};
	return 0;
}

/* The line that ends in the path, or NULL. */
static const char *find_line(const char *list, const char *path, size_t *ret_n)
{
	size_t n, m = strlen(path);

	for (const char *line = list; line && *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		if (n > m && line[n - m - 1] == ' ' &&
		    strncmp(line + n - m, path, m) == 0) {
			*ret_n = n;
			return line;
		}
	}
	return NULL;
}

/* A group's unit changes with each of its services; a service is one line of its list. */
static enum pending_state find_in_group(
    const struct pending *p, const struct service_unit *s)
{
	_cleanup_free_ char *list =
	    text_format("%.*s.services", (int)strcspn(s->unit, "."), s->unit);
	const char *now = NULL, *then = NULL;
	size_t n_now = 0, n_then = 0;

	if (list) {
		now = find_line(state_table_find(&p->now, list), s->socket, &n_now);
		then = find_line(state_table_find(&p->then, list), s->socket, &n_then);
	}
	if (!then)
		return PENDING_NEW;
	return now && n_now == n_then && strncmp(now, then, n_now) == 0 ? PENDING_NOT
									: PENDING_CHANGED;
}

static bool is_equal(const struct pending *p, const char *name)
{
	const char *now = state_table_find(&p->now, name);
	const char *then = state_table_find(&p->then, name);

	return !now == !then && (!now || strcmp(now, then) == 0);
}

enum pending_state pending_find(const struct pending *p, const struct service_unit *s)
{
	_cleanup_free_ char *forking = NULL, *each = NULL;
	int n = s->unit ? (int)strcspn(s->unit, ".") : 0;

	if (!p->is_known || !s->unit)
		return PENDING_NOT;
	if (p->is_grouped)
		return find_in_group(p, s);
	if (!state_table_find(&p->then, s->unit))
		return PENDING_NEW;
	forking = text_format("%.*s.service", n, s->unit);
	each = text_format("%.*s@.service", n, s->unit);
	return forking && each && is_equal(p, s->unit) && is_equal(p, forking) &&
		       is_equal(p, each)
		   ? PENDING_NOT
		   : PENDING_CHANGED;
}
