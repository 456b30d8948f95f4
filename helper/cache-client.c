/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cache knows of clients that bring a credential of their own: whether it has
 * ever been good, the credential itself while it is wanted, and records that wait to be
 * written.
 */

#include "cache.h"

#include <errno.h>
#include <string.h>

#include "cache-entry.h"

bool cache_has_credential(const struct cache_key *key)
{
	static const unsigned char none[DIGEST_SHA256_SIZE];

	return memcmp(key->credential, none, sizeof(none)) != 0;
}

bool cache_is_same_client(const struct cache_key *a, const struct cache_key *b)
{
	return memcmp(a->realm, b->realm, sizeof(a->realm)) == 0 &&
	       memcmp(a->credential, b->credential, sizeof(a->credential)) == 0;
}

bool cache_is_stranger(const struct cache *c, const struct cache_key *key, uint64_t now)
{
	const struct cache_entry *e = cache_find(c, key);

	if (!e)
		return true;
	return e->accepted_at == 0 && !cache_entry_has_token(e, now) &&
	       cache_entry_may_fetch(e, now);
}

static bool can_share(
    const struct cache_entry *from, const struct cache_entry *e, uint64_t now)
{
	return from != e && cache_is_same_client(&from->key, &e->key) &&
	       memcmp(from->key.request, e->key.request, sizeof(e->key.request)) == 0 &&
	       cache_entry_has_token(from, now) &&
	       strcmp(from->sha256, e->rejected_sha256) != 0;
}

int cache_settle_shared(struct cache *c, struct cache_entry *e, uint64_t now)
{
	const struct cache_entry *from = c->first;

	while (from && !can_share(from, e, now))
		from = from->next;
	if (!from)
		return -ENOENT;
	return cache_settle_token(c, e, &from->token, from->expires_at - now, now);
}

void cache_accept(struct cache *c, struct cache_entry *e, uint64_t now)
{
	e->accepted_at = now;
	c->changes++;
}

void cache_keep_credential(
    struct cache *c, const struct cache_key *key, const char *credential)
{
	struct cache_entry *e = cache_find(c, key);

	if (!e || !cache_entry_lacks_credential(e))
		return;
	if (secret_puts(&e->credential, credential) < 0)
		secret_done(&e->credential);
}

static struct cache_entry *find_unsaved(
    const struct cache *c, const struct cache_key *key)
{
	for (struct cache_entry *e = c->first; e; e = e->next)
		if (e->unsaved.len > 0 && cache_is_same_client(&e->key, key))
			return e;
	return NULL;
}

void cache_drop_unsaved(struct cache *c, const struct cache_key *key)
{
	struct cache_entry *e = find_unsaved(c, key);

	if (!e)
		return;
	secret_done(&e->unsaved);
	c->changes++;
}

int cache_set_unsaved(struct cache *c, struct cache_entry *e, const struct secret *record)
{
	_cleanup_secret_ struct secret copy = {0};
	int r;

	r = secret_append(&copy, record->data, record->len);
	if (r < 0)
		return r;
	cache_drop_unsaved(c, &e->key);
	e->unsaved = copy;
	copy = (struct secret){0};
	c->changes++;
	return 0;
}

const struct secret *cache_find_unsaved(
    const struct cache *c, const struct cache_key *key)
{
	const struct cache_entry *e = find_unsaved(c, key);

	return e ? &e->unsaved : NULL;
}

struct cache_entry *cache_next_unsaved(
    const struct cache *c, const struct cache_entry *position)
{
	struct cache_entry *e = position ? position->next : c->first;

	while (e && e->unsaved.len == 0)
		e = e->next;
	return e;
}
