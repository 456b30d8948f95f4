/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The six strings of OpenSession, copied and freed. A leaf: what they mean is decided by
 * lookup.c, whether they are well-formed by methods.c.
 */

#include "binding.h"

#include <errno.h>
#include <string.h>

#define MEMBERS_MAX 6

/* The places of all strings of a binding. */
static void list(struct binding *b, char **ret[MEMBERS_MAX])
{
	ret[0] = &b->service;
	ret[1] = &b->destination;
	ret[2] = &b->tenant;
	ret[3] = &b->fragment;
	ret[4] = &b->instance;
	ret[5] = &b->level;
}
_Static_assert(
    sizeof(struct binding) == MEMBERS_MAX * sizeof(char *), "a place for each");

void binding_done(struct binding *b)
{
	char **places[MEMBERS_MAX];

	list(b, places);
	for (size_t i = 0; i < MEMBERS_MAX; i++)
		free(*places[i]);
	*b = (struct binding){0};
}

int binding_copy(const struct binding *b, struct binding *ret)
{
	_cleanup_binding_ struct binding copy = {0};
	struct binding source = *b;
	char **from[MEMBERS_MAX], **to[MEMBERS_MAX];

	list(&source, from);
	list(&copy, to);
	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		if (!*from[i])
			continue;
		*to[i] = strdup(*from[i]);
		if (!*to[i])
			return -ENOMEM;
	}
	*ret = copy;
	copy = (struct binding){0};
	return 0;
}
