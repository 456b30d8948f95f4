/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tokens by what was asked for, with their lives, failures and waiters. It decides when a
 * fetch must start and what is answered; it fetches nothing. Pure: time is a parameter
 * (microseconds of CLOCK_BOOTTIME), randomness a seed.
 *
 * An entry has at most one fetch at a time. A look-up that finds one must start hands the
 * entry out in *ret_fetch: the caller starts the fetch and ends it with one of
 * cache_settle_*() or cache_drop_fetch(), then answers the waiters with
 * cache_take_waiter().
 */

#include <stdbool.h>
#include <stdint.h>

#include "binding.h"
#include "deadline.h"
#include "digest.h"
#include "secret.h"

#define CACHE_ENTRIES_MAX 1000
/* How long a code that is used up, or whose answer was lost, is refused without being asked for. */
#define CACHE_CODE_REFUSAL_USEC (600 * USEC_PER_SEC)

struct cache;
struct cache_entry;

/*
 * Digests. `owner` (binding_owner()) stays when the destination is edited, the next three
 * may change. A client is whoever presents one credential in one realm: destinations may
 * share it.
 */
struct cache_key {
	unsigned char owner[DIGEST_SHA256_SIZE];
	unsigned char realm[DIGEST_SHA256_SIZE];      /* binding_realm() */
	unsigned char request[DIGEST_SHA256_SIZE];    /* token_request_digest() */
	unsigned char identity[DIGEST_SHA256_SIZE];   /* who logs in, and where */
	unsigned char credential[DIGEST_SHA256_SIZE]; /* all zero: the grant has none */
};

enum cache_verdict {
	CACHE_TOKEN,
	CACHE_WAIT,		   /* the waiter has been queued */
	CACHE_REFUSED,		   /* by the token service, for good (for a minute) */
	CACHE_UNAVAILABLE,	   /* no token now */
	CACHE_DESTINATION_INVALID, /* found out only when the fetch was to start */
	CACHE_IDENTITY_REFUSED,	   /* by the mail server, a fresh token too */
	CACHE_FULL,		   /* every entry is busy, or strangers are too many */
	CACHE_CREDENTIAL_MISFIT,   /* the grant lacks one, or has no use for one */
};

/* Strings are borrowed until the cache is next changed. */
struct cache_answer {
	enum cache_verdict verdict;
	const char *token;
	/* CACHE_TOKEN: of its life; CACHE_UNAVAILABLE: until another try */
	uint64_t left_usec;
	const char *error;  /* CACHE_REFUSED: RFC 6749's code */
	const char *reason; /* of all failures */
};

/*
 * Somebody waiting, part of a structure of the caller's. `entry` is NULL while not
 * queued; one that is queued must be taken out (cache_forget_waiter()) before it goes
 * away.
 */
struct cache_waiter {
	struct cache_entry *entry;
	struct cache_waiter *previous, *next;
	void (*answer)(struct cache_waiter *w, const struct cache_answer *answer);
};

/* Numbers for Status; strings borrowed as above. */
struct cache_view {
	const struct binding *binding;
	const char *state; /* a constant */
	bool has_token;
	uint64_t left_usec;
	unsigned waiters;
	const char *reason; /* of the last failure, or NULL */
};

_must_check_ int cache_new(uint64_t seed, struct cache **ret);
/* Wipes and frees; takes NULL; returns NULL. No waiter may be queued any more. */
struct cache *cache_free(struct cache *c);

/*
 * Moves whatever is still of use from another cache, which is freed, into an empty one.
 * The tokens count as in use until their next renewal: nobody knows who asked for them.
 */
void cache_restore(struct cache *c, struct cache *from, uint64_t now);

/*
 * Looks up a token that is good for `minimum_usec`, though for no more than half of its
 * whole life. 0, with *ret set, *ret_fetch the entry to fetch for or NULL, and `w` queued
 * if the verdict is CACHE_WAIT; -ENOMEM.
 */
_must_check_ int cache_get(struct cache *c, const struct cache_key *key,
    const struct binding *binding, uint64_t minimum_usec, uint64_t now,
    struct cache_waiter *w, struct cache_answer *ret, struct cache_entry **ret_fetch);

/* The same after the mail server refused the token with this SHA-256 (hexadecimal). */
_must_check_ int cache_reject(struct cache *c, const struct cache_key *key,
    const struct binding *binding, const char *sha256_hex, uint64_t now,
    struct cache_waiter *w, struct cache_answer *ret, struct cache_entry **ret_fetch);

/*
 * Whether a fetch would be made for the key now, though its credential has never brought
 * a token as far as the cache knows: who presents it may be anybody.
 */
bool cache_is_stranger(const struct cache *c, const struct cache_key *key, uint64_t now);

/* Whether two keys are of one realm and one credential. */
bool cache_is_same_client(const struct cache_key *a, const struct cache_key *b);

/* Notes that the entry's credential is good: for long, it is no stranger's any more. */
void cache_accept(struct cache *c, struct cache_entry *e, uint64_t now);

/*
 * Keeps the credential that the key is of, so that its token can be renewed ahead of
 * time; it goes with the token, and when nobody asks for it any more. Nothing happens for
 * a key that has no entry, and without memory.
 */
void cache_keep_credential(
    struct cache *c, const struct cache_key *key, const char *credential);

/*
 * A record about the entry's client that could not be written yet, as rotation.h has it:
 * kept in its place, whatever becomes of the entry's token, until it is dropped or
 * replaced. There is one for a client at most. 0 or -ENOMEM.
 */
_must_check_ int cache_set_unsaved(
    struct cache *c, struct cache_entry *e, const struct secret *record);
void cache_drop_unsaved(struct cache *c, const struct cache_key *key);
/* The record of the key's client, or NULL. */
const struct secret *cache_find_unsaved(
    const struct cache *c, const struct cache_key *key);
/* Steps through the entries with a record: start with NULL; NULL at the end. */
struct cache_entry *cache_next_unsaved(
    const struct cache *c, const struct cache_entry *position);
const struct secret *cache_entry_unsaved(const struct cache_entry *e);

/* The fetch brought a token, which is copied. 1 if failures had come before it, else 0; -errno. */
_must_check_ int cache_settle_token(struct cache *c, struct cache_entry *e,
    const struct secret *token, uint64_t lifetime_usec, uint64_t now);

/*
 * Ends the fetch with what the same request has brought the entry's client for another
 * destination: as cache_settle_token(), or -ENOENT if there is nothing, or only what this
 * mail server has refused.
 */
_must_check_ int cache_settle_shared(
    struct cache *c, struct cache_entry *e, uint64_t now);

/*
 * The fetch failed: `verdict` is CACHE_REFUSED (remembered for a minute, or for
 * `retry_after_usec` if that is longer, CACHE_CODE_REFUSAL_USEC at most),
 * CACHE_UNAVAILABLE (tried again after a pause that grows, or after `retry_after_usec` if
 * that is longer, five minutes at most) or CACHE_DESTINATION_INVALID (not remembered).
 * Texts are copied; `error` may be NULL.
 */
void cache_settle_failure(struct cache *c, struct cache_entry *e,
    enum cache_verdict verdict, const char *error, const char *reason,
    uint64_t retry_after_usec, uint64_t now);

/* A renewal from cache_due() that is not to be: the destination has changed or gone. */
void cache_drop_fetch(struct cache_entry *e);

/* Steps through the entries of a destination, as binding_is_of() says; NULL at both ends. */
struct cache_entry *cache_next_of(const struct cache *c,
    const struct cache_entry *position, const char *destination, const char *tenant);

/*
 * Whether no other destination has the client of an entry, as far as the cache knows, and
 * none presents its credential now: only then may what has replaced that be forgotten.
 */
bool cache_is_client_free(const struct cache *c, const struct cache_entry *e);

/*
 * Forgets the tokens of these and what failed. Returns how many tokens went. A fetch under
 * way goes on, for whoever waits.
 */
unsigned cache_forget(struct cache *c, const char *destination, const char *tenant);

/* Takes the next waiter off a settled entry, with what to answer; NULL at the end. */
struct cache_waiter *cache_take_waiter(
    struct cache_entry *e, uint64_t now, struct cache_answer *ret);

/* Takes a waiter off its entry, if it is on one. */
void cache_forget_waiter(struct cache_waiter *w);

/*
 * Wipes what has expired and returns the next entry in use whose token is to be renewed
 * now, its fetch begun; NULL if there is none (any more). One whose key has a credential
 * is renewed only while that is kept.
 */
struct cache_entry *cache_due(struct cache *c, uint64_t now);

/* When cache_due() is worth calling next; UINT64_MAX for never. */
uint64_t cache_next_due(const struct cache *c);

/* Whether there is a token that lives long enough to be used at all. */
bool cache_entry_has_token(const struct cache_entry *e, uint64_t now);
const struct binding *cache_entry_binding(const struct cache_entry *e);
const struct cache_key *cache_entry_key(const struct cache_entry *e);
/* What cache_keep_credential() kept: empty if there is none. */
const struct secret *cache_entry_credential(const struct cache_entry *e);

/* Grows with every change that a restart should not undo. */
uint64_t cache_changes(const struct cache *c);

/* The number of entries, and of tokens held. */
unsigned cache_entries(const struct cache *c);
unsigned cache_tokens(const struct cache *c);

/* Whether a fetch for a credential is under way. */
bool cache_is_redeeming(const struct cache *c);

/* Steps through all entries: start with *position = NULL; false at the end. */
bool cache_next_view(const struct cache *c, const struct cache_entry **position,
    uint64_t now, struct cache_view *ret);
