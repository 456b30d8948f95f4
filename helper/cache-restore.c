/* SPDX-License-Identifier: Apache-2.0 */
/* A cache that begins with what another one held: after a restart. */

#include "cache.h"

#include "cache-entry.h"

static bool is_of_use(struct cache_entry *e, uint64_t now)
{
	if (e->token.len > 0 && now >= e->expires_at)
		cache_entry_drop_token(e);
	return !cache_entry_is_idle(e, now);
}

void cache_restore(struct cache *c, struct cache *from, uint64_t now)
{
	struct cache_entry *next;

	for (struct cache_entry *e = from->first; e; e = next) {
		next = e->next;
		if (!is_of_use(e, now)) {
			cache_entry_free(e);
			c->changes++;
			continue;
		}
		e->used_at = now;
		cache_append(c, e);
	}
	*from = (struct cache){0};
	cache_free(from);
}
