/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect: everybody (clusterWide), the group of the resource's namespace, or the
 * group of all clients. Groups are looked up in the file alone: the name service switch
 * would ask the service manager, which waits for the generator.
 */

#include "services-private.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

#define NAMESPACE_PREFIX "maildest-ns-"
#define EVERYONE "everyone"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct group_names *g, const char *name)
{
	char **more = reallocarray(g->list, g->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	g->list = more;
	more[g->n] = strdup(name);
	return more[g->n] ? (g->n++, 0) : -ENOMEM;
}

int group_names_read(const char *path, struct group_names *ret)
{
	struct group_names g = {0};
	const struct group *group;
	FILE *file = fopen(path, "re");
	int r = 0;

	while (file && r == 0 && (group = fgetgrent(file)))
		r = add_name(&g, group->gr_name);
	if (file)
		(void)fclose(file); /* it was only read */
	if (r < 0) {
		group_names_done(&g);
		return r;
	}
	if (g.n > 0)
		qsort(g.list, g.n, sizeof(*g.list), by_text);
	*ret = g;
	return 0;
}

void group_names_done(struct group_names *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->list[i]);
	free(g->list);
	*g = (struct group_names){0};
}

static bool has_group(const struct group_names *g, const char *name)
{
	return g->n > 0 && bsearch(&name, g->list, g->n, sizeof(*g->list), by_text);
}

static int set_group(
    struct service_unit *s, const char *name, const struct group_names *groups)
{
	s->access = ACCESS_GROUP;
	s->group_is_known = has_group(groups, name);
	s->group = strdup(name);
	return s->group ? 0 : -ENOMEM;
}

/* A group that the settings name may come from elsewhere than /etc/group. */
static int set_named_group(
    struct service_unit *s, const char *name, const struct group_names *groups)
{
	int r = set_group(s, name, groups);

	if (r < 0 || s->group_is_known)
		return r;
	return service_unit_warn(&s->warning,
	    "group %s is not in /etc/group, so only root may use the Unix socket", name);
}

static int set_root(struct service_unit *s, const char *group, const char *hint)
{
	s->access = ACCESS_ROOT;
	return service_unit_warn(&s->warning,
	    "only root may connect, as there is no group %s: %s", group, hint);
}

/* maildest-ns-<namespace>, if there is such a group. */
static int set_default_group(struct service_unit *s, const struct group_names *groups)
{
	char name[sizeof(NAMESPACE_PREFIX) + 64];

	if (snprintf(name, sizeof(name), NAMESPACE_PREFIX "%s",
		s->resource->name_space) >= (int)sizeof(name))
		return -ENOMEM; /* cannot be: it is a DNS label */
	if (group_name_is_valid(name) && has_group(groups, name))
		return set_group(s, name, groups);
	return set_root(s, name,
	    "make it, or name another by Namespace.<namespace>= in maildest.conf");
}

/* The rule of the installed ports. */
static int set_clients(struct service_unit *s, const struct settings *settings,
    const struct group_names *groups)
{
	if (settings->clients && strcmp(settings->clients, EVERYONE) == 0) {
		s->access = ACCESS_EVERYONE;
		return 0;
	}
	if (settings->clients)
		return set_named_group(s, settings->clients, groups);
	if (has_group(groups, SETTINGS_CLIENTS_GROUP))
		return set_group(s, SETTINGS_CLIENTS_GROUP, groups);
	return set_root(s, SETTINGS_CLIENTS_GROUP,
	    "make it, or name another by Clients= in maildest.conf");
}

int service_unit_set_access(struct service_unit *s, const struct settings *settings,
    bool is_sure, const struct group_names *groups)
{
	const char *name_space = s->resource->name_space, *group;

	if (s->resource->cluster_wide) {
		s->access = ACCESS_EVERYONE;
		return 0;
	}
	if (!is_sure) {
		s->access = ACCESS_ROOT;
		return service_unit_warn(&s->warning,
		    "only root may connect until maildest.conf is valid again");
	}
	if (!name_space)
		return set_clients(s, settings, groups);
	group = settings_namespace_group(settings, name_space);
	if (group && strcmp(group, EVERYONE) == 0) {
		s->access = ACCESS_EVERYONE;
		return 0;
	}
	return group ? set_named_group(s, group, groups) : set_default_group(s, groups);
}
