/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of units and unit files. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager-bus.h"

static void unit_done(struct manager_unit *u)
{
	free(u->name);
	free(u->active);
	free(u->sub);
	free(u->path);
}

void manager_units_done(struct manager_units *u)
{
	for (size_t i = 0; i < u->n; i++)
		unit_done(&u->list[i]);
	free(u->list);
	*u = (struct manager_units){0};
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct manager_unit *)a)->name,
	    ((const struct manager_unit *)b)->name);
}

static void sort(struct manager_units *u)
{
	if (u->n > 0)
		qsort(u->list, u->n, sizeof(*u->list), compare);
}

const struct manager_unit *manager_units_find(
    const struct manager_units *u, const char *name)
{
	const struct manager_unit key = {.name = (char *)name};

	return u->n > 0 ? bsearch(&key, u->list, u->n, sizeof(*u->list), compare) : NULL;
}

static int copy(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

static int add(struct manager_units *u, const char *name, const char *active,
    const char *sub, const char *path)
{
	struct manager_unit *list = reallocarray(u->list, u->n + 1, sizeof(*list));
	struct manager_unit *one;

	if (!list)
		return -ENOMEM;
	u->list = list;
	one = &list[u->n++];
	*one = (struct manager_unit){0};
	return copy(name, &one->name) < 0 || copy(active, &one->active) < 0 ||
		       copy(sub, &one->sub) < 0 || copy(path, &one->path) < 0
		   ? -ENOMEM
		   : 0;
}

int manager_units_add(struct manager_units *u, const char *name)
{
	return add(u, name, NULL, NULL, NULL);
}

void manager_units_sort(struct manager_units *u)
{
	size_t n = 0;

	sort(u);
	for (size_t i = 0; i < u->n; i++) {
		if (n > 0 && strcmp(u->list[n - 1].name, u->list[i].name) == 0)
			unit_done(&u->list[i]);
		else
			u->list[n++] = u->list[i];
	}
	u->n = n;
}

int manager_units_join(struct manager_units *u, struct manager_units *more)
{
	struct manager_unit *list =
	    reallocarray(u->list, u->n + more->n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	u->list = list;
	if (more->n > 0)
		memcpy(&list[u->n], more->list, more->n * sizeof(*list));
	u->n += more->n;
	free(more->list);
	*more = (struct manager_units){0};
	sort(u);
	return 0;
}

/* Calls a method of two lists of words: states (none) and patterns (one). */
static int call(struct manager *m, const char *method, const char *pattern,
    sd_bus_message **ret, char **ret_why)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_call_method(m->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE,
	    method, &error, ret, "asas", 0, 1, pattern);
	return r < 0 ? manager_complain(r, &error, "systemd's list of units", ret_why)
		     : 0;
}

int manager_units(
    struct manager *m, const char *pattern, struct manager_units *ret, char **ret_why)
{
	_cleanup_bus_message_ sd_bus_message *reply = NULL;
	_cleanup_manager_units_ struct manager_units u = {0};
	const char *name, *active, *sub, *path;
	int r;

	r = call(m, "ListUnitsByPatterns", pattern, &reply, ret_why);
	if (r == 0)
		r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, &active,
		    &sub, NULL, &path, NULL, NULL, NULL)) > 0)
		if (add(&u, name, active, sub, path) < 0)
			return -ENOMEM;
	if (r < 0)
		return r;
	sort(&u);
	*ret = u;
	u = (struct manager_units){0};
	return 0;
}

/* Without its folder. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int manager_files(
    struct manager *m, const char *pattern, struct manager_units *ret, char **ret_why)
{
	_cleanup_bus_message_ sd_bus_message *reply = NULL;
	_cleanup_manager_units_ struct manager_units u = {0};
	const char *path, *state;
	int r;

	r = call(m, "ListUnitFilesByPatterns", pattern, &reply, ret_why);
	if (r == 0)
		r = sd_bus_message_enter_container(reply, 'a', "(ss)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "(ss)", &path, &state)) > 0)
		if (add(&u, base_name(path), state, NULL, NULL) < 0)
			return -ENOMEM;
	if (r < 0)
		return r;
	sort(&u);
	*ret = u;
	u = (struct manager_units){0};
	return 0;
}
