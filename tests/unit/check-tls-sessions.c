/* SPDX-License-Identifier: Apache-2.0 */
/* Kept TLS sessions: who gets which, how often, how long, how many; time is a number. */

#include "tls-sessions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "freed-memory.h"

#define SEC USEC_PER_SEC
#define START (1000 * SEC)

static void free_sessions(struct tls_sessions **t)
{
	tls_sessions_free(*t);
}
#define _cleanup_sessions_ _cleanup_(free_sessions)

static struct tls_sessions *make(void)
{
	struct tls_sessions *t = NULL;

	ck_assert_int_eq(tls_sessions_new(&t), 0);
	return t;
}

/* The key of an owner and a context, each told by a number. */
static struct tls_session_key key(unsigned owner, unsigned context)
{
	struct tls_session_key k = {0};

	memcpy(k.owner, &owner, sizeof(owner));
	(void)snprintf(k.context, sizeof(k.context), "%064u", context);
	return k;
}

static void put_for(struct tls_sessions *t, struct tls_session_key k, const char *text,
    int64_t lifetime_sec, bool single_use, uint64_t now)
{
	ck_assert_int_eq(tls_sessions_put(t, &k, text, lifetime_sec, single_use, now), 0);
}

static void put(struct tls_sessions *t, struct tls_session_key k, const char *text)
{
	put_for(t, k, text, 3600, true, START);
}

/* Asserts what is given out; NULL for nothing. */
static void expect_at(
    struct tls_sessions *t, struct tls_session_key k, const char *want, uint64_t now)
{
	_cleanup_secret_ struct secret got = {0};

	ck_assert_int_eq(tls_sessions_get(t, &k, now, &got), want ? 1 : 0);
	ck_assert_str_eq(secret_str(&got), want ? want : "");
}

static void expect(struct tls_sessions *t, struct tls_session_key k, const char *want)
{
	expect_at(t, k, want, START);
}

/* A session of that many characters. */
static const char *long_text(size_t n)
{
	static char text[TLS_SESSION_LENGTH_MAX + 2];

	ck_assert_uint_lt(n, sizeof(text));
	memset(text, 'x', n);
	text[n] = '\0';
	return text;
}

START_TEST(test_single_use_is_given_once_newest_first)
{
	_cleanup_sessions_ struct tls_sessions *t = make();

	expect(t, key(1, 1), NULL);
	put(t, key(1, 1), "one");
	put(t, key(1, 1), "two");
	ck_assert_uint_eq(tls_sessions_count(t), 2);
	expect(t, key(1, 1), "two");
	put(t, key(1, 1), "three");
	expect(t, key(1, 1), "three");
	expect(t, key(1, 1), "one");
	expect(t, key(1, 1), NULL);
	ck_assert_uint_eq(tls_sessions_count(t), 0);
}
END_TEST

START_TEST(test_reusable_is_given_again_and_replaced)
{
	_cleanup_sessions_ struct tls_sessions *t = make();

	put_for(t, key(1, 1), "one", 3600, false, START);
	expect(t, key(1, 1), "one");
	expect(t, key(1, 1), "one");
	put_for(t, key(1, 1), "two", 3600, false, START);
	ck_assert_uint_eq(tls_sessions_count(t), 1);
	expect(t, key(1, 1), "two");
	/* A server that now speaks TLS 1.3: the newer kind first, and the other stays. */
	put(t, key(1, 1), "three");
	expect(t, key(1, 1), "three");
	expect(t, key(1, 1), "two");
	expect(t, key(1, 1), "two");
}
END_TEST

START_TEST(test_owners_and_contexts_are_apart)
{
	_cleanup_sessions_ struct tls_sessions *t = make();

	put(t, key(1, 1), "one");
	put(t, key(1, 2), "two");
	put(t, key(2, 1), "three");
	expect(t, key(2, 2), NULL);
	expect(t, key(2, 1), "three");
	expect(t, key(2, 1), NULL);
	expect(t, key(1, 2), "two");
	expect(t, key(1, 1), "one");
}
END_TEST

START_TEST(test_lifetimes)
{
	static const struct {
		const char *label;
		int64_t lifetime_sec;
		uint64_t alive_sec; /* 0: never */
	} rows[] = {
	    {"ten seconds", 10, 9},
	    {"one", 1, 0},
	    {"a day", 86400, 86399},
	    {"a week counts as a day", 7 * 86400, 86399},
	    {"the greatest number", INT64_MAX, 86399},
	    {"nothing", 0, 0},
	    {"less than nothing", -1, 0},
	    {"the least number", INT64_MIN, 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (unsigned single_use = 0; single_use < 2; single_use++) {
			_cleanup_sessions_ struct tls_sessions *t = make();
			uint64_t alive = rows[i].alive_sec;

			put_for(t, key(1, 1), rows[i].label, rows[i].lifetime_sec,
			    single_use, START);
			if (alive > 0)
				expect_at(
				    t, key(1, 1), rows[i].label, START + alive * SEC);
			put_for(t, key(1, 1), rows[i].label, rows[i].lifetime_sec,
			    single_use, START);
			expect_at(t, key(1, 1), NULL, START + (alive + 1) * SEC);
			ck_assert_uint_eq(tls_sessions_count(t), 0);
		}
}
END_TEST

START_TEST(test_what_is_over_goes_though_nobody_asks)
{
	_cleanup_sessions_ struct tls_sessions *t = make();

	put_for(t, key(1, 1), "short", 10, true, START);
	put_for(t, key(1, 1), "long", 30, true, START);
	put_for(t, key(1, 1), "shorter", 5, true, START);
	put_for(t, key(2, 1), "short", 10, true, START);
	tls_sessions_expire(t, START + 10 * SEC - 1);
	ck_assert_uint_eq(tls_sessions_count(t), 3);
	tls_sessions_expire(t, START + 10 * SEC);
	ck_assert_uint_eq(tls_sessions_count(t), 1);
	expect_at(t, key(1, 1), "long", START + 10 * SEC);
	tls_sessions_expire(t, UINT64_MAX);
}
END_TEST

START_TEST(test_a_key_holds_so_many_and_loses_the_oldest)
{
	_cleanup_sessions_ struct tls_sessions *t = make();
	char name[16];

	put_for(t, key(1, 1), "reusable", 3600, false, START);
	for (unsigned i = 0; i < TLS_SESSIONS_OF_KEY_MAX + 5; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		put(t, key(1, 1), name);
	}
	ck_assert_uint_eq(tls_sessions_count(t), TLS_SESSIONS_OF_KEY_MAX);
	for (unsigned i = TLS_SESSIONS_OF_KEY_MAX + 5; i > 5; i--) {
		(void)snprintf(name, sizeof(name), "%u", i - 1);
		expect(t, key(1, 1), name);
	}
	expect(t, key(1, 1), NULL);
}
END_TEST

START_TEST(test_key_used_longest_ago_makes_room)
{
	_cleanup_sessions_ struct tls_sessions *t = make();

	for (unsigned i = 0; i < TLS_SESSIONS_MAX / 2; i++) {
		put_for(t, key(i, 1), "reusable", 3600, false, START);
		put(t, key(i, 1), "single");
	}
	expect(t, key(0, 1), "single"); /* and so is the most recently used one */
	put(t, key(0, 1), "single");
	ck_assert_uint_eq(tls_sessions_count(t), TLS_SESSIONS_MAX);
	put(t, key(0, 2), "new");
	ck_assert_uint_eq(tls_sessions_count(t), TLS_SESSIONS_MAX - 1);
	expect(t, key(1, 1), NULL);
	expect(t, key(0, 1), "single");
	expect(t, key(2, 1), "single");
	expect(t, key(0, 2), "new");
}
END_TEST

START_TEST(test_memory_is_bounded)
{
	_cleanup_sessions_ struct tls_sessions *t = make();
	const char *text = long_text(TLS_SESSION_LENGTH_MAX);
	const unsigned fit = TLS_SESSIONS_BYTES_MAX / (32 * 1024);

	for (unsigned i = 0; i < 3 * fit; i++)
		put(t, key(i, 1), text);
	ck_assert_uint_eq(tls_sessions_count(t), fit);
	expect(t, key(2 * fit - 1, 1), NULL);
	expect(t, key(2 * fit, 1), text);
	expect(t, key(3 * fit - 1, 1), text);
	/* What went has been discounted: the same again fits again. */
	for (unsigned i = 0; i < fit; i++)
		put(t, key(i, 2), text);
	ck_assert_uint_eq(tls_sessions_count(t), fit);
}
END_TEST

START_TEST(test_one_that_is_too_long_is_refused)
{
	_cleanup_sessions_ struct tls_sessions *t = make();
	struct tls_session_key k = key(1, 1);

	ck_assert_int_eq(tls_sessions_put(t, &k, long_text(TLS_SESSION_LENGTH_MAX + 1),
			     3600, true, START),
	    -EMSGSIZE);
	ck_assert_uint_eq(tls_sessions_count(t), 0);
}
END_TEST

START_TEST(test_leaves_nothing_in_freed_memory)
{
	struct tls_sessions *t = make();

	freed_memory_watch("canary");
	put(t, key(1, 1), "canary given");
	expect(t, key(1, 1), "canary given");
	put_for(t, key(1, 1), "canary replaced", 3600, false, START);
	put_for(t, key(1, 1), "canary expired", 3600, false, START);
	tls_sessions_expire(t, START + 3600 * SEC);
	for (unsigned i = 0; i < TLS_SESSIONS_OF_KEY_MAX + 1; i++)
		put(t, key(1, 1), "canary one too many");
	for (unsigned i = 0; i < TLS_SESSIONS_MAX; i++)
		put(t, key(2 + i, 1), "canary evicted");
	tls_sessions_free(t);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_single_use_is_given_once_newest_first,
	    test_reusable_is_given_again_and_replaced,
	    test_owners_and_contexts_are_apart,
	    test_lifetimes,
	    test_what_is_over_goes_though_nobody_asks,
	    test_a_key_holds_so_many_and_loses_the_oldest,
	    test_key_used_longest_ago_makes_room,
	    test_memory_is_bounded,
	    test_one_that_is_too_long_is_refused,
	    test_leaves_nothing_in_freed_memory,
	};

	return check_program("tls-sessions", tests, ELEMENTSOF(tests));
}
