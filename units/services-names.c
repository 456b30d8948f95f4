/* SPDX-License-Identifier: Apache-2.0 */
/* Names that two have: sorted, equal ones stand side by side, and the first of them stays. */

#include <errno.h>
#include <string.h>

#include "services-private.h"

struct claim {
	const char *name;
	size_t place; /* who comes first */
};

static int by_name_and_place(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = strcasecmp(x->name, y->name);

	return r != 0 ? r : (x->place > y->place) - (x->place < y->place);
}

int services_check_resources(struct services *s)
{
	_cleanup_free_ struct claim *claims = calloc(s->resources.n + 1, sizeof(*claims));
	size_t n = 0, first = 0;

	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < s->resources.n; i++)
		if (s->resources.list[i].resource.verdict.condition ==
			CONDITION_SUCCESSFUL &&
		    !s->resources.list[i].is_skipped)
			claims[n++] =
			    (struct claim){s->resources.list[i].resource.name, i};
	qsort(claims, n, sizeof(*claims), by_name_and_place);
	for (size_t i = 1; i < n; i++) {
		if (strcasecmp(claims[i].name, claims[first].name) != 0) {
			first = i;
			continue;
		}
		if (verdict_set(&s->resources.list[claims[i].place].resource.verdict,
			CONDITION_DUPLICATE_RESOURCE,
			"a resource of this name is in %s already",
			s->resources.list[claims[first].place].resource.file) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

int services_check_hosts(struct services *s)
{
	_cleanup_free_ struct claim *claims = calloc(s->n + 1, sizeof(*claims));
	size_t first = 0;

	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		claims[i] = (struct claim){s->list[i].host, i};
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
