/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Caches with a token or two, and the states they make; time is a number. */

#include <check.h>
#include <errno.h>
#include <string.h>

#include "cache-entry.h"
#include "deadline.h"
#include "state-layout.h"
#include "state.h"

#define SEC USEC_PER_SEC
#define START (100000 * SEC)
#define LIFE (3600 * SEC)

static inline void state_sample_free(struct cache **c)
{
	cache_free(*c);
}
#define _cleanup_cache_ _cleanup_(state_sample_free)

static inline struct cache *state_sample_make(void)
{
	struct cache *c = NULL;

	ck_assert_int_eq(cache_new(42, &c), 0);
	return c;
}

/* The key of a destination that is asked for without anything else. */
static inline struct cache_key state_sample_key(const char *destination)
{
	const struct binding b = {
	    .service = (char *)"s", .destination = (char *)destination};
	struct cache_key key = {.request = {7}};

	ck_assert_int_eq(binding_owner(&b, key.owner), 0);
	return key;
}

/* Asks for a token: the answer, and the entry to fetch for, or NULL. */
static inline struct cache_answer state_sample_ask(
    struct cache *c, const char *destination, uint64_t now, struct cache_entry **ret)
{
	const struct binding b = {
	    .service = (char *)"s", .destination = (char *)destination};
	struct cache_key key = state_sample_key(destination);
	struct cache_waiter waiter = {0};
	struct cache_answer answer;

	ck_assert_int_eq(cache_get(c, &key, &b, 0, now, &waiter, &answer, ret), 0);
	cache_forget_waiter(&waiter);
	return answer;
}

static inline struct cache_entry *state_sample_fetch(
    struct cache *c, const char *destination, uint64_t now)
{
	struct cache_entry *e;

	ck_assert_int_eq(state_sample_ask(c, destination, now, &e).verdict, CACHE_WAIT);
	ck_assert_ptr_nonnull(e);
	return e;
}

/* An entry with a token. */
static inline struct cache_entry *state_sample_fill(
    struct cache *c, const char *destination, const char *token, uint64_t now)
{
	struct cache_entry *e = state_sample_fetch(c, destination, now);
	_cleanup_secret_ struct secret s = {0};

	ck_assert_int_eq(secret_puts(&s, token), 0);
	ck_assert_int_ge(cache_settle_token(c, e, &s, LIFE, now), 0);
	return e;
}

static inline unsigned state_sample_write(
    const struct cache *c, uint64_t now, struct secret *ret)
{
	unsigned n = 0;

	secret_clear(ret);
	ck_assert_int_eq(state_write(c, 3, now, ret, &n), 0);
	return n;
}

/* Asserts that the bytes are no state at that time. */
static inline void state_sample_refuse(
    const struct secret *bytes, size_t n, uint64_t now, const char *label)
{
	_cleanup_cache_ struct cache *c = NULL;
	const char *why = NULL;
	uint64_t generation;

	ck_assert_msg(state_parse(bytes->data, n, now, &c, &generation, &why) == -EBADMSG,
	    "%s", label);
	ck_assert_msg(why && *why, "%s: no reason", label);
	ck_assert_ptr_null(c);
}

/* What another cache is after it has been written and read. */
static inline struct cache *state_sample_carry_over(
    const struct cache *c, uint64_t written, uint64_t now)
{
	_cleanup_secret_ struct secret bytes = {0};
	struct cache *read = NULL, *again = state_sample_make();
	uint64_t generation = 0;
	const char *why = NULL;

	(void)state_sample_write(c, written, &bytes);
	ck_assert_msg(
	    state_parse(bytes.data, bytes.len, now, &read, &generation, &why) == 0, "%s",
	    why);
	ck_assert_uint_eq(generation, 3);
	cache_restore(again, read, now);
	return again;
}

/* Makes the digest fit what has been changed. */
static inline void state_sample_sign(struct secret *bytes)
{
	struct state_header h;

	memcpy(&h, bytes->data, sizeof(h));
	ck_assert_int_eq(digest_sha256(bytes->data + STATE_DIGESTED,
			     bytes->len - STATE_DIGESTED, h.digest),
	    0);
	memcpy(bytes->data, &h, sizeof(h));
}
