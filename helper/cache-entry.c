/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of the cache: when its token may be used, when it is renewed, what is
 * remembered of failures. No lists and no look-ups: those are cache-list.c's.
 */

#include "cache-entry.h"

#include <errno.h>
#include <string.h>

/* A login takes a moment: less left than this is no token, or a tenth of a short life. */
#define MARGIN_USEC (30 * USEC_PER_SEC)
#define RENEW_LEFT_USEC (600 * USEC_PER_SEC)
#define PAUSE_MIN_USEC (1 * USEC_PER_SEC)
#define PAUSE_MAX_USEC (60 * USEC_PER_SEC)
/* How long failures are counted and told, and an entry kept for their sake. */
#define FAILURES_KEPT_USEC (300 * USEC_PER_SEC)

struct cache_entry *cache_entry_free(struct cache_entry *e)
{
	if (!e)
		return NULL;
	binding_done(&e->binding);
	secret_done(&e->credential);
	secret_done(&e->unsaved);
	secret_done(&e->token);
	free(e->error);
	free(e->reason);
	free(e);
	return NULL;
}

bool cache_entry_lacks_credential(const struct cache_entry *e)
{
	return e->credential.len == 0 && cache_has_credential(&e->key);
}

static uint64_t life(const struct cache_entry *e)
{
	return e->expires_at - e->fetched_at;
}

bool cache_entry_has_token(const struct cache_entry *e, uint64_t now)
{
	return e->token.len > 0 &&
	       now + MIN_OF(MARGIN_USEC, life(e) / 10) < e->expires_at;
}

bool cache_entry_has_enough(
    const struct cache_entry *e, uint64_t minimum_usec, uint64_t now)
{
	return cache_entry_has_token(e, now) &&
	       e->expires_at - now >= MIN_OF(minimum_usec, life(e) / 2);
}

bool cache_entry_may_fetch(const struct cache_entry *e, uint64_t now)
{
	return !e->fetching && now >= e->failure_until &&
	       now >= e->identity_refused_until;
}

bool cache_entry_failed_lately(const struct cache_entry *e, uint64_t now)
{
	return e->failures > 0 && now < e->failure_until + FAILURES_KEPT_USEC;
}

bool cache_entry_remembers(const struct cache_entry *e, uint64_t now)
{
	return e->unsaved.len > 0 ||
	       (e->accepted_at > 0 && now < e->accepted_at + CACHE_KNOWN_USEC) ||
	       now < e->identity_refused_until || now < e->failure_until ||
	       cache_entry_failed_lately(e, now) ||
	       now < MAX_OF(e->rejected_at, e->replaced_at) + CACHE_REFUSAL_USEC;
}

bool cache_entry_is_idle(const struct cache_entry *e, uint64_t now)
{
	return !e->fetching && e->waiters == 0 && e->token.len == 0 &&
	       !cache_entry_remembers(e, now);
}

uint64_t cache_entry_due(const struct cache_entry *e)
{
	uint64_t renew;

	if (e->token.len == 0)
		return UINT64_MAX;
	renew = MAX_OF(MAX_OF(e->renew_at, e->failure_until), e->identity_refused_until);
	if (e->fetching || cache_entry_lacks_credential(e))
		return e->expires_at;
	return MIN_OF(renew, e->expires_at);
}

void cache_entry_answer(
    const struct cache_entry *e, uint64_t now, struct cache_answer *ret)
{
	*ret = (struct cache_answer){.verdict = CACHE_UNAVAILABLE, .error = e->error};
	ret->reason = e->reason ? e->reason : "no token could be had";
	if (now < e->identity_refused_until) {
		ret->verdict = CACHE_IDENTITY_REFUSED;
		ret->reason = "the mail server refused a fresh token too; "
			      "another is not asked for within a minute";
	} else if (cache_entry_has_token(e, now)) {
		ret->verdict = CACHE_TOKEN;
		ret->token = e->token.data;
		ret->left_usec = e->expires_at - now;
	} else if (e->failures > 0) {
		ret->verdict = e->failure;
		ret->left_usec = e->failure_until > now ? e->failure_until - now : 0;
	}
}

/*
 * At 80 % of the life, or with ten minutes left if that is earlier, but not in the first
 * half: a token of five minutes would be renewed without end. Jittered towards the half
 * by up to 5 %.
 */
static uint64_t renewal(uint64_t lifetime, uint32_t random)
{
	uint64_t after = lifetime / 5 * 4;

	if (lifetime < after + RENEW_LEFT_USEC)
		after = lifetime > RENEW_LEFT_USEC ? lifetime - RENEW_LEFT_USEC : 0;
	after = MAX_OF(after, lifetime / 2);
	return after - lifetime / 20 * (random % 1000) / 1000;
}

int cache_entry_set_token(struct cache_entry *e, const struct secret *token,
    uint64_t lifetime_usec, uint64_t now, uint32_t random)
{
	char sha256[DIGEST_SHA256_HEX_SIZE];
	int r;

	r = digest_sha256_hex(token->data, token->len, sha256);
	if (r < 0)
		return r;
	secret_clear(&e->token);
	r = secret_append(&e->token, token->data, token->len);
	if (r < 0)
		return r;
	memcpy(e->sha256, sha256, sizeof(sha256));
	e->fetched_at = now;
	e->expires_at = now + lifetime_usec;
	e->renew_at = now + renewal(lifetime_usec, random);
	e->failures = 0;
	e->failure_until = 0;
	return 0;
}

void cache_entry_drop_token(struct cache_entry *e)
{
	secret_done(&e->token);
	if (!e->fetching)
		secret_done(&e->credential);
	e->expires_at = e->renew_at = e->fetched_at = 0;
}

static void replace(char **target, const char *text)
{
	free(*target);
	*target =
	    text ? strdup(text) : NULL; /* without memory: a failure without its text */
}

void cache_entry_set_failure(struct cache_entry *e, enum cache_verdict verdict,
    const char *error, const char *reason, uint64_t pause_usec, uint64_t now)
{
	e->failure = verdict;
	/* a file that is wrong again and again does not make the pause after its repair longer */
	if (verdict != CACHE_DESTINATION_INVALID || e->failures == 0)
		e->failures++;
	e->failure_until = now + pause_usec;
	replace(&e->error, error);
	replace(&e->reason, reason);
}

uint64_t cache_pause(unsigned failures, uint32_t random)
{
	uint64_t pause = PAUSE_MIN_USEC << MIN_OF(failures, 6u);

	pause = MIN_OF(pause, PAUSE_MAX_USEC);
	return pause - pause / 4 * (random % 1000) / 1000;
}

void cache_entry_queue(
    struct cache_entry *e, struct cache_waiter *w, struct cache_answer *ret)
{
	w->entry = e;
	w->next = NULL;
	w->previous = e->last_waiter;
	*(e->last_waiter ? &e->last_waiter->next : &e->first_waiter) = w;
	e->last_waiter = w;
	e->waiters++;
	*ret = (struct cache_answer){.verdict = CACHE_WAIT};
}

struct cache_waiter *cache_take_waiter(
    struct cache_entry *e, uint64_t now, struct cache_answer *ret)
{
	struct cache_waiter *w = e->first_waiter;

	if (!w)
		return NULL;
	cache_forget_waiter(w);
	cache_entry_answer(e, now, ret);
	return w;
}

void cache_forget_waiter(struct cache_waiter *w)
{
	struct cache_entry *e = w->entry;

	if (!e)
		return;
	*(w->previous ? &w->previous->next : &e->first_waiter) = w->next;
	*(w->next ? &w->next->previous : &e->last_waiter) = w->previous;
	w->entry = NULL;
	w->previous = w->next = NULL;
	e->waiters--;
}

const struct secret *cache_entry_unsaved(const struct cache_entry *e)
{
	return &e->unsaved;
}

const struct binding *cache_entry_binding(const struct cache_entry *e)
{
	return &e->binding;
}

const struct cache_key *cache_entry_key(const struct cache_entry *e)
{
	return &e->key;
}

const struct secret *cache_entry_credential(const struct cache_entry *e)
{
	return &e->credential;
}
