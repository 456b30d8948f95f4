/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that two have: sorted, equal ones stand side by side. Who had it before keeps it,
 * so that a new file takes no service from whoever uses it; else the first one has it.
 */

#include <errno.h>
#include <string.h>

#include "services-private.h"

struct claim {
	const char *name;
	size_t place; /* who comes first */
	bool is_new;  /* nothing is recorded of it */
};

static int by_name_and_place(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = strcasecmp(x->name, y->name);

	if (r != 0)
		return r;
	if (x->is_new != y->is_new)
		return x->is_new ? 1 : -1;
	return (x->place > y->place) - (x->place < y->place);
}

/* Of some of one name: the one in the file that the name is recorded for, else the first. */
static int find_keeper(const struct services *s, const struct config *c,
    const struct claim *claims, size_t n, size_t *ret)
{
	_cleanup_free_ char *file = NULL;
	int r = resources_recorded_file(c, claims[0].name, &file);

	*ret = claims[0].place;
	for (size_t i = 0; i < n && file && r == 0; i++) {
		const struct resource *one = &s->resources.list[claims[i].place].resource;

		if (strcmp(one->file, file) != 0)
			continue;
		*ret = claims[i].place;
		break;
	}
	return r;
}

static int keep_one(
    struct services *s, const struct config *c, const struct claim *claims, size_t n)
{
	size_t keeper;
	int r;

	if (n < 2)
		return 0;
	r = find_keeper(s, c, claims, n, &keeper);
	for (size_t i = 0; i < n && r == 0; i++)
		if (claims[i].place != keeper &&
		    verdict_set(&s->resources.list[claims[i].place].resource.verdict,
			CONDITION_DUPLICATE_RESOURCE,
			"a resource of this name is in %s already",
			s->resources.list[keeper].resource.file) == -ENOMEM)
			return -ENOMEM;
	return r;
}

int services_check_resources(struct services *s, const struct config *c)
{
	_cleanup_free_ struct claim *claims = calloc(s->resources.n + 1, sizeof(*claims));
	size_t n = 0, first = 0;
	int r = 0;

	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < s->resources.n; i++)
		if (s->resources.list[i].resource.verdict.condition ==
			CONDITION_SUCCESSFUL &&
		    !s->resources.list[i].is_skipped)
			claims[n++] =
			    (struct claim){s->resources.list[i].resource.name, i, false};
	qsort(claims, n, sizeof(*claims), by_name_and_place);
	for (size_t i = 1; i <= n && r == 0; i++) {
		if (i < n && strcasecmp(claims[i].name, claims[first].name) == 0)
			continue;
		r = keep_one(s, c, &claims[first], i - first);
		first = i;
	}
	return r;
}

int services_check_hosts(struct services *s)
{
	_cleanup_free_ struct claim *claims = calloc(s->n + 1, sizeof(*claims));
	size_t first = 0;

	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		claims[i] = (struct claim){s->list[i].host, i,
		    !state_table_find(&s->addresses, s->list[i].name)};
	qsort(claims, s->n, sizeof(*claims), by_name_and_place);
	for (size_t i = 1; i < s->n; i++) {
		struct service_unit *later = &s->list[claims[i].place];

		if (strcasecmp(claims[i].name, claims[first].name) != 0) {
			first = i;
			continue;
		}
		later->is_served = false;
		if (verdict_set(&later->verdict, CONDITION_NAME_ALREADY_PRESENT,
			"the host name '%s' is that of service %s already", later->host,
			s->list[claims[first].place].name) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}
