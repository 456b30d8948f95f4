/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within the cache: the list of entries, and one entry with the rules about its times. */

#include "cache.h"

#include "deadline.h"

/* How long a refusal holds, the token service's and the mail server's. */
#define CACHE_REFUSAL_USEC (60 * USEC_PER_SEC)
#define CACHE_RETRY_AFTER_MAX_USEC (300 * USEC_PER_SEC)
/* The longest of all pauses. */
#define CACHE_PAUSE_MAX_USEC CACHE_CODE_REFUSAL_USEC
/* How long a credential that was good is known after it was last used. */
#define CACHE_KNOWN_USEC (UINT64_C(90) * 24 * 60 * 60 * USEC_PER_SEC)

/*
 * Moments are 0 if there is none. Strings owned. Invariant: `token` is empty or `sha256`
 * is its digest; waiters are queued only while `fetching`, or until the one who settled
 * has taken them.
 */
struct cache_entry {
	struct cache_entry *previous, *next; /* most recently used first */
	struct cache_key key;
	struct binding binding;
	struct secret credential; /* the client's, while it is wanted for a renewal */
	struct secret unsaved;	  /* a sealed record; empty if there is none */
	struct secret token;
	char sha256[DIGEST_SHA256_HEX_SIZE];
	uint64_t fetched_at;
	uint64_t expires_at;
	uint64_t renew_at;
	uint64_t used_at; /* last asked for */
	bool fetching;
	bool replacing; /* the fetch under way replaces a token that was refused */
	struct cache_waiter *first_waiter, *last_waiter;
	unsigned waiters;
	unsigned failures; /* in a row */
	enum cache_verdict failure;
	uint64_t failure_until; /* no fetch before */
	char *error, *reason;
	char rejected_sha256[DIGEST_SHA256_HEX_SIZE];
	uint64_t rejected_at;
	uint64_t replaced_at;
	uint64_t identity_refused_until;
	uint64_t accepted_at; /* a fetch for the credential last brought a token */
};

/* All entries; the last one makes room first. */
struct cache {
	struct cache_entry *first, *last; /* most recently used first */
	unsigned n;
	uint64_t random;  /* state of xorshift64, never 0 */
	uint64_t changes; /* see cache_changes() */
};

/* The key's entry, or NULL. */
struct cache_entry *cache_find(const struct cache *c, const struct cache_key *key);
/* Whether the key has a credential. */
bool cache_has_credential(const struct cache_key *key);

/*
 * The key's entry, now the most recently used, which is made if there is none: 1; 0 if every entry
 * is busy, which *answer then says; -ENOMEM.
 */
_must_check_ int cache_open_entry(struct cache *c, const struct cache_key *key,
    const struct binding *binding, uint64_t now, struct cache_answer *answer,
    struct cache_entry **ret);

/* Takes over an entry that is in no list, as the one that was used longest ago. */
void cache_append(struct cache *c, struct cache_entry *e);

/* Takes an entry that nobody is busy with out of the list and frees it. */
void cache_remove(struct cache *c, struct cache_entry *e);

/* The next number that spreads renewals and pauses; nothing secret depends on it. */
uint32_t cache_random(struct cache *c);

/* Whether a fetch, a waiter or a record needs the entry to stay. */
bool cache_entry_is_busy(const struct cache_entry *e);

/* Wipes and frees; takes NULL; returns NULL. */
struct cache_entry *cache_entry_free(struct cache_entry *e);

/* Whether the key has a credential that is not kept (any more). */
bool cache_entry_lacks_credential(const struct cache_entry *e);
/* Whether its life left is at least `minimum_usec`, or half of the whole if that is less. */
bool cache_entry_has_enough(
    const struct cache_entry *e, uint64_t minimum_usec, uint64_t now);
/* Whether nothing remembered stands against a fetch. */
bool cache_entry_may_fetch(const struct cache_entry *e, uint64_t now);
/* Whether the last fetch has failed, and that is still worth telling. */
bool cache_entry_failed_lately(const struct cache_entry *e, uint64_t now);
/* Whether there is something to remember, be there a token or not. */
bool cache_entry_remembers(const struct cache_entry *e, uint64_t now);
/* Whether nobody needs the entry: no fetch, no waiters, no token and nothing to remember. */
bool cache_entry_is_idle(const struct cache_entry *e, uint64_t now);
/* When the entry wants attention: renewal or end of life; UINT64_MAX for never. */
uint64_t cache_entry_due(const struct cache_entry *e);

/* What the entry as it is has to answer, waiting left aside. */
void cache_entry_answer(
    const struct cache_entry *e, uint64_t now, struct cache_answer *ret);

/* Queues a waiter and says so in *ret. */
void cache_entry_queue(
    struct cache_entry *e, struct cache_waiter *w, struct cache_answer *ret);

/* `random` is any number; it jitters the moment of renewal. 0 or -errno. */
_must_check_ int cache_entry_set_token(struct cache_entry *e, const struct secret *token,
    uint64_t lifetime_usec, uint64_t now, uint32_t random);
void cache_entry_drop_token(struct cache_entry *e);
void cache_entry_set_failure(struct cache_entry *e, enum cache_verdict verdict,
    const char *error, const char *reason, uint64_t pause_usec, uint64_t now);

/* The pause after so many failures in a row: 1, 2, 4, ... 60 s, jittered down by a quarter. */
uint64_t cache_pause(unsigned failures, uint32_t random);
