/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of the cache: counts, and each entry's state. Changes nothing. */

#include "cache.h"

#include "cache-entry.h"

uint64_t cache_changes(const struct cache *c)
{
	return c->changes;
}

unsigned cache_entries(const struct cache *c)
{
	return c->n;
}

unsigned cache_tokens(const struct cache *c)
{
	unsigned n = 0;

	for (const struct cache_entry *e = c->first; e; e = e->next)
		n += e->token.len > 0;
	return n;
}

bool cache_is_redeeming(const struct cache *c)
{
	for (const struct cache_entry *e = c->first; e; e = e->next)
		if (e->fetching && cache_has_credential(&e->key))
			return true;
	return false;
}

static const char *state_name(const struct cache_entry *e, uint64_t now)
{
	if (now < e->identity_refused_until)
		return "identity-refused";
	if (cache_entry_has_token(e, now))
		return e->fetching ? "renewing" : "valid";
	if (e->fetching)
		return "fetching";
	/* a client that was known once is so for months, whatever became of its last try */
	if (!cache_entry_failed_lately(e, now))
		return "expired";
	return e->failure == CACHE_UNAVAILABLE ? "failing" : "refused";
}

bool cache_next_view(const struct cache *c, const struct cache_entry **position,
    uint64_t now, struct cache_view *ret)
{
	const struct cache_entry *e = *position ? (*position)->next : c->first;

	if (!e)
		return false;
	*ret = (struct cache_view){
	    .binding = &e->binding,
	    .state = state_name(e, now),
	    .has_token = cache_entry_has_token(e, now),
	    .waiters = e->waiters,
	    .reason = cache_entry_failed_lately(e, now) ? e->reason : NULL,
	};
	ret->left_usec = ret->has_token ? e->expires_at - now : 0;
	*position = e;
	return true;
}
