/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator wants to have forgotten. */

#include "cache.h"

#include <string.h>

#include "cache-entry.h"

struct cache_entry *cache_next_of(const struct cache *c,
    const struct cache_entry *position, const char *destination, const char *tenant)
{
	struct cache_entry *e = position ? position->next : c->first;

	while (e && !binding_is_of(&e->binding, destination, tenant))
		e = e->next;
	return e;
}

bool cache_is_client_free(const struct cache *c, const struct cache_entry *e)
{
	for (const struct cache_entry *other = c->first; other; other = other->next)
		if (cache_is_same_client(&other->key, &e->key) &&
		    (other->fetching ||
			strcmp(other->binding.destination, e->binding.destination) != 0))
			return false;
	return true;
}

static void clear(struct cache_entry *e)
{
	cache_entry_drop_token(e);
	free(e->error);
	free(e->reason);
	e->error = e->reason = NULL;
	e->failures = 0;
	e->failure_until = e->identity_refused_until = 0;
	e->rejected_at = e->replaced_at = e->accepted_at = 0;
	e->rejected_sha256[0] = '\0';
}

unsigned cache_forget(struct cache *c, const char *destination, const char *tenant)
{
	struct cache_entry *e = cache_next_of(c, NULL, destination, tenant), *next;
	unsigned tokens = 0;

	for (; e; e = next) {
		next = cache_next_of(c, e, destination, tenant);
		tokens += e->token.len > 0;
		clear(e);
		if (!e->fetching && e->waiters == 0 && e->unsaved.len == 0)
			cache_remove(c, e);
	}
	c->changes++;
	return tokens;
}
