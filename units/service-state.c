/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of names and words, in files of lines. */

#include "service-state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "owner.h"
#include "reason.h"

#define TABLE_FILE_MAX CONFIG_CERTIFICATE_MAX

void state_table_done(struct state_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->rows[i].name);
		free(t->rows[i].value);
	}
	free(t->rows);
	*t = (struct state_table){0};
}

/* The place of a name, or where it would be. */
static size_t find_place(const struct state_table *t, const char *name)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(t->rows[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct state_table *t, size_t i, const char *name)
{
	return i < t->n && strcmp(t->rows[i].name, name) == 0;
}

const char *state_table_find(const struct state_table *t, const char *name)
{
	size_t i = find_place(t, name);

	return is_at(t, i, name) ? t->rows[i].value : NULL;
}

int state_table_set(struct state_table *t, const char *name, const char *value)
{
	_cleanup_free_ char *own_name = strdup(name), *own_value = strdup(value);
	size_t i = find_place(t, name);
	struct state_row *more;

	if (!own_name || !own_value)
		return -ENOMEM;
	if (is_at(t, i, name)) {
		free(t->rows[i].value);
		t->rows[i].value = TAKE_PTR(own_value);
		return 0;
	}
	more = reallocarray(t->rows, t->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->rows = more;
	memmove(&more[i + 1], &more[i], (t->n - i) * sizeof(*more));
	more[i].name = TAKE_PTR(own_name);
	more[i].value = TAKE_PTR(own_value);
	t->n++;
	return 0;
}

void state_table_remove(struct state_table *t, const char *name)
{
	size_t i = find_place(t, name);

	if (!is_at(t, i, name))
		return;
	free(t->rows[i].name);
	free(t->rows[i].value);
	t->n--;
	memmove(&t->rows[i], &t->rows[i + 1], (t->n - i) * sizeof(*t->rows));
}

/* "name word"; comments and what else it may be are no rows. */
static int read_line(struct state_table *t, char *line)
{
	char *blank = strchr(line, ' ');

	if (line[0] == '#' || !blank || blank == line || !blank[1] ||
	    strchr(blank + 1, ' '))
		return 0;
	*blank = '\0';
	return state_table_set(t, line, blank + 1);
}

int state_table_read(
    const struct config *c, const char *file, struct state_table *ret, char **ret_why)
{
	_cleanup_state_table_ struct state_table t = {0};
	_cleanup_config_file_ struct config_file f = {0};
	char *rest;
	int r;

	r = owner_read(c, STATE_FOLDER, file, TABLE_FILE_MAX, &f, ret_why);
	if (r == -ENOENT) {
		free(*ret_why);
		*ret_why = NULL;
		*ret = t;
		return 0;
	}
	if (r < 0)
		return r;
	for (rest = f.text.data; rest;) {
		r = read_line(&t, strsep(&rest, "\n"));
		if (r < 0)
			return r;
	}
	*ret = t;
	t = (struct state_table){0};
	return 0;
}
