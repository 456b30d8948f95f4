/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A cache with one key, asked and answered at times that are numbers. */

#include <check.h>
#include <string.h>

#include "cache.h"
#include "deadline.h"

#define SEC USEC_PER_SEC
#define START (1000 * SEC)

/* A cache with one key, and the last answer. */
struct fixture {
	struct cache *cache;
	struct cache_key key;
	struct binding binding;
	struct cache_waiter waiter;
	struct cache_answer answer;
	struct cache_entry *fetch; /* as handed out by the last look-up */
};

static inline void open_fixture(struct fixture *f)
{
	*f = (struct fixture){
	    .binding = {.service = (char *)"s", .destination = (char *)"d"}};
	ck_assert_int_eq(cache_new(42, &f->cache), 0);
}

static inline void done_fixture(struct fixture *f)
{
	cache_forget_waiter(&f->waiter);
	cache_free(f->cache);
}
#define _cleanup_fixture_ _cleanup_(done_fixture)

static inline enum cache_verdict get_for(
    struct fixture *f, uint64_t minimum_usec, uint64_t now)
{
	cache_forget_waiter(&f->waiter);
	ck_assert_int_eq(cache_get(f->cache, &f->key, &f->binding, minimum_usec, now,
			     &f->waiter, &f->answer, &f->fetch),
	    0);
	return f->answer.verdict;
}

static inline enum cache_verdict get(struct fixture *f, uint64_t now)
{
	return get_for(f, 0, now);
}

static inline enum cache_verdict reject(
    struct fixture *f, const char *token, uint64_t now)
{
	char hex[DIGEST_SHA256_HEX_SIZE];

	cache_forget_waiter(&f->waiter);
	ck_assert_int_eq(digest_sha256_hex(token, strlen(token), hex), 0);
	ck_assert_int_eq(cache_reject(f->cache, &f->key, &f->binding, hex, now,
			     &f->waiter, &f->answer, &f->fetch),
	    0);
	return f->answer.verdict;
}

static inline int settle_at(struct fixture *f, struct cache_entry *e, const char *token,
    uint64_t life, uint64_t now)
{
	_cleanup_secret_ struct secret s = {0};

	ck_assert_int_eq(secret_puts(&s, token), 0);
	return cache_settle_token(f->cache, e, &s, life, now);
}

/* Ends the fetch that the last look-up began. */
static inline int settle(
    struct fixture *f, const char *token, uint64_t life, uint64_t now)
{
	ck_assert_ptr_nonnull(f->fetch);
	return settle_at(f, f->fetch, token, life, now);
}

static inline void settle_failure(
    struct fixture *f, enum cache_verdict verdict, uint64_t retry_after, uint64_t now)
{
	ck_assert_ptr_nonnull(f->fetch);
	cache_settle_failure(
	    f->cache, f->fetch, verdict, "code", "why", retry_after, now);
}

/* A cold fetch that brings a token. */
static inline void fill(struct fixture *f, const char *token, uint64_t life, uint64_t now)
{
	ck_assert_int_eq(get(f, now), CACHE_WAIT);
	ck_assert_int_ge(settle(f, token, life, now), 0);
}
