/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of entries, in the order of their last use: looked up, added, and dropped to
 * make room.
 */

#include "cache-entry.h"

#include <errno.h>
#include <string.h>

/* Entries that an owner keeps, whoever else comes. */
#define CACHE_SHARE (CACHE_ENTRIES_MAX / 8)
#define OWNER_SLOTS 4096

int cache_new(uint64_t seed, struct cache **ret)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->random = seed ? seed : 1;
	*ret = c;
	return 0;
}

/* Marsaglia's xorshift64. */
uint32_t cache_random(struct cache *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return (uint32_t)(c->random >> 32);
}

static void unlink_entry(struct cache *c, struct cache_entry *e)
{
	*(e->previous ? &e->previous->next : &c->first) = e->next;
	*(e->next ? &e->next->previous : &c->last) = e->previous;
	e->previous = e->next = NULL;
}

static void link_first(struct cache *c, struct cache_entry *e)
{
	e->next = c->first;
	*(c->first ? &c->first->previous : &c->last) = e;
	c->first = e;
}

void cache_append(struct cache *c, struct cache_entry *e)
{
	e->next = NULL;
	e->previous = c->last;
	*(c->last ? &c->last->next : &c->first) = e;
	c->last = e;
	c->n++;
}

void cache_remove(struct cache *c, struct cache_entry *e)
{
	unlink_entry(c, e);
	cache_entry_free(e);
	c->n--;
	c->changes++;
}

struct cache *cache_free(struct cache *c)
{
	while (c && c->first)
		cache_remove(c, c->first);
	free(c);
	return NULL;
}

bool cache_entry_is_busy(const struct cache_entry *e)
{
	return e->fetching || e->waiters > 0 || e->unsaved.len > 0;
}

/* What is lost with an entry: nothing, that its credential is known, a token. */
static int worth(const struct cache_entry *e)
{
	if (e->token.len > 0)
		return 2;
	return e->accepted_at > 0 ? 1 : 0;
}

/* Owners that share a slot count as one, which few do: digests are spread. */
static unsigned slot_of(const struct cache_key *key)
{
	return ((unsigned)key->owner[0] << 8 | key->owner[1]) % OWNER_SLOTS;
}

/*
 * Of whoever has most, if that is more than his share and than the newcomer has, what was
 * used longest ago: one destination's clients keep no other's out.
 */
static struct cache_entry *find_surplus(
    const struct cache *c, const struct cache_key *newcomer)
{
	unsigned short n[OWNER_SLOTS] = {0};
	struct cache_entry *found = NULL;
	unsigned most;

	for (const struct cache_entry *e = c->first; e; e = e->next)
		n[slot_of(&e->key)]++;
	most = MAX_OF((unsigned)n[slot_of(newcomer)], (unsigned)CACHE_SHARE);
	for (struct cache_entry *e = c->last; e; e = e->previous) {
		if (cache_entry_is_busy(e) || n[slot_of(&e->key)] <= most)
			continue;
		most = n[slot_of(&e->key)];
		found = e;
	}
	return found;
}

/*
 * Makes room by dropping the entry that nobody waits for and that is worth least, of
 * these the one that was used longest ago. Whoever comes with a credential that is not
 * known drives out no token but a surplus one.
 */
static bool make_room(struct cache *c, const struct cache_key *newcomer)
{
	int limit = cache_has_credential(newcomer) ? 2 : 3;
	struct cache_entry *victim = NULL;

	if (c->n < CACHE_ENTRIES_MAX)
		return true;
	for (struct cache_entry *e = c->last; e && limit > 0; e = e->previous) {
		if (cache_entry_is_busy(e) || worth(e) >= limit)
			continue;
		victim = e;
		limit = worth(e);
	}
	if (!victim)
		victim = find_surplus(c, newcomer);
	if (victim)
		cache_remove(c, victim);
	return victim;
}

struct cache_entry *cache_find(const struct cache *c, const struct cache_key *key)
{
	for (struct cache_entry *e = c->first; e; e = e->next)
		if (memcmp(&e->key, key, sizeof(*key)) == 0)
			return e;
	return NULL;
}

static void set_full(struct cache_answer *ret)
{
	*ret = (struct cache_answer){.verdict = CACHE_FULL,
	    .reason = "too many destinations are asked for at once"};
}

int cache_open_entry(struct cache *c, const struct cache_key *key,
    const struct binding *binding, uint64_t now, struct cache_answer *answer,
    struct cache_entry **ret)
{
	struct cache_entry *e = cache_find(c, key);

	if (e) {
		unlink_entry(c, e);
	} else {
		if (!make_room(c, key)) {
			set_full(answer);
			return 0;
		}
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->key = *key;
		if (binding_copy(binding, &e->binding) < 0) {
			cache_entry_free(e);
			return -ENOMEM;
		}
		c->n++;
	}
	link_first(c, e);
	e->used_at = now;
	*ret = e;
	return 1;
}
