/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache: looked up, queued for, settled. The list of entries is cache-list.c's, the rules about
 * one entry's times are cache-entry.c's. No I/O, no clock, no logging.
 */

#include "cache.h"

#include <string.h>

#include "cache-entry.h"

static void begin_fetch(struct cache_entry *e, struct cache_entry **ret_fetch)
{
	e->fetching = true;
	*ret_fetch = e;
}

/* Waits for the fetch under way, or for the one that may start now; else what there is to say. */
static void wait_or_answer(struct cache_entry *e, uint64_t now, struct cache_waiter *w,
    struct cache_answer *ret, struct cache_entry **ret_fetch)
{
	if (cache_entry_may_fetch(e, now))
		begin_fetch(e, ret_fetch);
	if (e->fetching)
		cache_entry_queue(e, w, ret);
	else
		cache_entry_answer(e, now, ret);
}

int cache_get(struct cache *c, const struct cache_key *key, const struct binding *binding,
    uint64_t minimum_usec, uint64_t now, struct cache_waiter *w, struct cache_answer *ret,
    struct cache_entry **ret_fetch)
{
	struct cache_entry *e;
	int r;

	*ret_fetch = NULL;
	r = cache_open_entry(c, key, binding, now, ret, &e);
	if (r <= 0)
		return r;
	if (now < e->identity_refused_until) {
		cache_entry_answer(e, now, ret);
	} else if (cache_entry_has_enough(e, minimum_usec, now) ||
		   (e->failures > 0 && cache_entry_has_token(e, now))) {
		/* Valid; after a failure nobody waits for a better one. */
		if (now >= e->renew_at && cache_entry_may_fetch(e, now))
			begin_fetch(e, ret_fetch);
		cache_entry_answer(e, now, ret);
	} else {
		wait_or_answer(e, now, w, ret, ret_fetch);
	}
	return 0;
}

static bool is_within(uint64_t since, uint64_t now)
{
	return since > 0 && now < since + CACHE_REFUSAL_USEC;
}

/* Throws the refused token away; a second one within a minute condemns the identity. */
static void reject_token(struct cache_entry *e, uint64_t now)
{
	cache_entry_drop_token(e);
	if (is_within(e->replaced_at, now))
		e->identity_refused_until = now + CACHE_REFUSAL_USEC;
}

int cache_reject(struct cache *c, const struct cache_key *key,
    const struct binding *binding, const char *sha256_hex, uint64_t now,
    struct cache_waiter *w, struct cache_answer *ret, struct cache_entry **ret_fetch)
{
	struct cache_entry *e;
	int r;

	*ret_fetch = NULL;
	r = cache_open_entry(c, key, binding, now, ret, &e);
	if (r <= 0)
		return r;
	if (e->token.len > 0 && strcmp(e->sha256, sha256_hex) == 0)
		reject_token(e, now);
	if (e->token.len == 0) {
		memcpy(e->rejected_sha256, sha256_hex, sizeof(e->rejected_sha256));
		e->rejected_at = now;
		c->changes++;
	}
	if (now < e->identity_refused_until || cache_entry_has_token(e, now)) {
		cache_entry_answer(e, now, ret);
		return 0;
	}
	wait_or_answer(e, now, w, ret, ret_fetch);
	e->replacing = e->fetching;
	return 0;
}

/* Whether a destination has this other key for a credential since it was edited. */
static bool is_predecessor(const struct cache_key *a, const struct cache_key *b)
{
	return memcmp(a->owner, b->owner, sizeof(a->owner)) == 0 &&
	       memcmp(a->credential, b->credential, sizeof(a->credential)) == 0;
}

static bool drop_predecessors(struct cache *c, const struct cache_entry *e)
{
	bool had_failed = false;
	struct cache_entry *next;

	for (struct cache_entry *other = c->first; other; other = next) {
		next = other->next;
		if (other == e || cache_entry_is_busy(other) ||
		    !is_predecessor(&other->key, &e->key))
			continue;
		had_failed = had_failed || other->failures > 0;
		cache_remove(c, other);
	}
	return had_failed;
}

/* Whether the mail server has just refused this very token: then there is no other to be had. */
static bool is_rejected(const struct cache_entry *e, uint64_t now)
{
	return is_within(e->rejected_at, now) &&
	       strcmp(e->sha256, e->rejected_sha256) == 0;
}

int cache_settle_token(struct cache *c, struct cache_entry *e, const struct secret *token,
    uint64_t lifetime_usec, uint64_t now)
{
	bool had_failed = e->failures > 0;
	int r;

	c->changes++;
	e->fetching = false;
	r = cache_entry_set_token(e, token, lifetime_usec, now, cache_random(c));
	if (r < 0) {
		e->replacing = false;
		return r;
	}
	if (e->replacing)
		e->replaced_at = now;
	e->replacing = false;
	if (is_rejected(e, now)) {
		cache_entry_drop_token(e);
		e->identity_refused_until = now + CACHE_REFUSAL_USEC;
	}
	return drop_predecessors(c, e) || had_failed;
}

void cache_settle_failure(struct cache *c, struct cache_entry *e,
    enum cache_verdict verdict, const char *error, const char *reason,
    uint64_t retry_after_usec, uint64_t now)
{
	uint64_t pause = 0;

	c->changes++;
	e->fetching = e->replacing = false;
	if (verdict == CACHE_DESTINATION_INVALID)
		/* the next who asks finds out, not the timer */
		e->renew_at = e->expires_at;
	if (verdict == CACHE_REFUSED)
		pause = MAX_OF(CACHE_REFUSAL_USEC,
		    MIN_OF(retry_after_usec, CACHE_CODE_REFUSAL_USEC));
	else if (verdict == CACHE_UNAVAILABLE)
		pause = MAX_OF(cache_pause(e->failures, cache_random(c)),
		    MIN_OF(retry_after_usec, CACHE_RETRY_AFTER_MAX_USEC));
	cache_entry_set_failure(e, verdict, error, reason, pause, now);
	if (e->token.len == 0)
		secret_done(&e->credential); /* nothing to be renewed */
}

void cache_drop_fetch(struct cache_entry *e)
{
	e->fetching = e->replacing = false;
	secret_done(&e->credential);
	e->renew_at = e->expires_at;
}

/* Whether the token is to be renewed now; a token nobody asked for since it came is not. */
static bool is_due(struct cache_entry *e, uint64_t now)
{
	if (e->token.len == 0 || now < e->renew_at || !cache_entry_may_fetch(e, now) ||
	    cache_entry_lacks_credential(e))
		return false;
	if (e->used_at > e->fetched_at)
		return true;
	e->renew_at = e->expires_at;
	secret_done(&e->credential);
	return false;
}

struct cache_entry *cache_due(struct cache *c, uint64_t now)
{
	struct cache_entry *next, *due = NULL;

	for (struct cache_entry *e = c->first; e && !due; e = next) {
		next = e->next;
		if (e->token.len > 0 && now >= e->expires_at) {
			cache_entry_drop_token(e);
			c->changes++;
		}
		if (cache_entry_is_idle(e, now))
			cache_remove(c, e);
		else if (is_due(e, now))
			begin_fetch(e, &due);
	}
	return due;
}

uint64_t cache_next_due(const struct cache *c)
{
	uint64_t next = UINT64_MAX;

	for (const struct cache_entry *e = c->first; e; e = e->next)
		next = MIN_OF(next, cache_entry_due(e));
	return next;
}
