/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's rules, with time as a number: nothing here waits. */

#include "cache.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "freed-memory.h"

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

static void open_fixture(struct fixture *f)
{
	*f = (struct fixture){
	    .binding = {.service = (char *)"s", .destination = (char *)"d"}};
	ck_assert_int_eq(cache_new(42, &f->cache), 0);
}

static void done_fixture(struct fixture *f)
{
	cache_forget_waiter(&f->waiter);
	cache_free(f->cache);
}
#define _cleanup_fixture_ _cleanup_(done_fixture)

static enum cache_verdict get_for(struct fixture *f, uint64_t minimum_usec, uint64_t now)
{
	cache_forget_waiter(&f->waiter);
	ck_assert_int_eq(cache_get(f->cache, &f->key, &f->binding, minimum_usec, now,
			     &f->waiter, &f->answer, &f->fetch),
	    0);
	return f->answer.verdict;
}

static enum cache_verdict get(struct fixture *f, uint64_t now)
{
	return get_for(f, 0, now);
}

static enum cache_verdict reject(struct fixture *f, const char *token, uint64_t now)
{
	char hex[DIGEST_SHA256_HEX_SIZE];

	cache_forget_waiter(&f->waiter);
	ck_assert_int_eq(digest_sha256_hex(token, strlen(token), hex), 0);
	ck_assert_int_eq(cache_reject(f->cache, &f->key, &f->binding, hex, now,
			     &f->waiter, &f->answer, &f->fetch),
	    0);
	return f->answer.verdict;
}

static int settle_at(struct fixture *f, struct cache_entry *e, const char *token,
    uint64_t life, uint64_t now)
{
	_cleanup_secret_ struct secret s = {0};

	ck_assert_int_eq(secret_puts(&s, token), 0);
	return cache_settle_token(f->cache, e, &s, life, now);
}

/* Ends the fetch that the last look-up began. */
static int settle(struct fixture *f, const char *token, uint64_t life, uint64_t now)
{
	ck_assert_ptr_nonnull(f->fetch);
	return settle_at(f, f->fetch, token, life, now);
}

static void settle_failure(
    struct fixture *f, enum cache_verdict verdict, uint64_t retry_after, uint64_t now)
{
	ck_assert_ptr_nonnull(f->fetch);
	cache_settle_failure(
	    f->cache, f->fetch, verdict, "code", "why", retry_after, now);
}

/* A cold fetch that brings a token. */
static void fill(struct fixture *f, const char *token, uint64_t life, uint64_t now)
{
	ck_assert_int_eq(get(f, now), CACHE_WAIT);
	ck_assert_int_ge(settle(f, token, life, now), 0);
}

START_TEST(test_fetches_once_then_serves)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(get(&f, START + 60 * SEC), CACHE_TOKEN);
	ck_assert_str_eq(f.answer.token, "one");
	ck_assert_uint_eq(f.answer.left_usec, 3540 * SEC);
	ck_assert_ptr_null(f.fetch);
	ck_assert_uint_eq(cache_tokens(f.cache), 1);
}
END_TEST

START_TEST(test_a_thousand_waiters_share_one_fetch)
{
	_cleanup_fixture_ struct fixture f;
	static struct cache_waiter waiters[1000];
	struct cache_entry *entry = NULL;
	struct cache_answer answer;
	unsigned n = 0;

	open_fixture(&f);
	for (unsigned i = 0; i < ELEMENTSOF(waiters); i++) {
		ck_assert_int_eq(cache_get(f.cache, &f.key, &f.binding, 0, START,
				     &waiters[i], &answer, &f.fetch),
		    0);
		ck_assert_int_eq(answer.verdict, CACHE_WAIT);
		ck_assert(!f.fetch == (i > 0));
		entry = f.fetch ? f.fetch : entry;
	}
	for (unsigned i = 0; i < ELEMENTSOF(waiters); i += 10)
		cache_forget_waiter(&waiters[i]); /* the first, the last, some between */
	cache_forget_waiter(&waiters[ELEMENTSOF(waiters) - 1]);
	ck_assert_int_eq(settle_at(&f, entry, "one", 3600 * SEC, START), 0);
	while (cache_take_waiter(entry, START, &answer)) {
		ck_assert_int_eq(answer.verdict, CACHE_TOKEN);
		n++;
	}
	ck_assert_uint_eq(n, 899);
	ck_assert_uint_eq(cache_fetches(f.cache), 0);
}
END_TEST

START_TEST(test_waiters_are_answered_in_order)
{
	_cleanup_fixture_ struct fixture f;
	struct cache_waiter waiters[3] = {0};
	struct cache_entry *entry = NULL;
	struct cache_answer answer;

	open_fixture(&f);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(cache_get(f.cache, &f.key, &f.binding, 0, START,
				     &waiters[i], &answer, &f.fetch),
		    0);
		entry = f.fetch ? f.fetch : entry;
	}
	ck_assert_int_eq(settle_at(&f, entry, "one", 3600 * SEC, START), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_eq(cache_take_waiter(entry, START, &answer), &waiters[i]);
	ck_assert_ptr_null(cache_take_waiter(entry, START, &answer));
}
END_TEST

START_TEST(test_a_fetch_nobody_waits_for_any_more_fills_the_cache)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	cache_forget_waiter(&f.waiter);
	ck_assert_int_eq(settle(&f, "one", 3600 * SEC, START), 0);
	ck_assert_int_eq(get(&f, START + SEC), CACHE_TOKEN);
}
END_TEST

START_TEST(test_another_request_or_owner_is_another_token)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	f.key.owner[0]++;
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "two", 3600 * SEC, START), 0);
	ck_assert_uint_eq(cache_tokens(f.cache), 2);
	/* The same owner's new request: its old token goes when the new one has come. */
	f.key.request[31]++;
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	ck_assert_uint_eq(cache_tokens(f.cache), 2);
	ck_assert_int_eq(settle(&f, "three", 3600 * SEC, START), 0);
	ck_assert_uint_eq(cache_tokens(f.cache), 2);
	f.key.owner[0]--;
	f.key.request[31]--;
	ck_assert_int_eq(get(&f, START), CACHE_TOKEN);
	ck_assert_str_eq(f.answer.token, "one");
}
END_TEST

START_TEST(test_token_is_not_used_at_its_very_end)
{
	static const struct {
		uint64_t life_sec, at_sec;
		enum cache_verdict want;
	} rows[] = {
	    {3600, 3569, CACHE_TOKEN}, /* 30 s are left for the login */
	    {3600, 3570, CACHE_WAIT},
	    {3600, 3601, CACHE_WAIT},
	    {100, 89, CACHE_TOKEN}, /* a tenth of a short life */
	    {100, 90, CACHE_WAIT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_fixture_ struct fixture f;

		open_fixture(&f);
		fill(&f, "one", rows[i].life_sec * SEC, START);
		ck_assert_msg(
		    get(&f, START + rows[i].at_sec * SEC) == rows[i].want, "row %zu", i);
	}
}
END_TEST

START_TEST(test_minimum_lifetime)
{
	static const struct {
		const char *label;
		uint64_t minimum_sec, at_sec;
		enum cache_verdict want;
	} rows[] = {
	    {"enough", 600, 600, CACHE_TOKEN},
	    {"not enough", 1000, 2700, CACHE_WAIT},
	    {"just enough", 900, 2700, CACHE_TOKEN},
	    {"more than any token has means half of it", 86400, 1800, CACHE_TOKEN},
	    {"less than half", 86400, 1801, CACHE_WAIT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_fixture_ struct fixture f;

		open_fixture(&f);
		fill(&f, "one", 3600 * SEC, START);
		ck_assert_msg(get_for(&f, rows[i].minimum_sec * SEC,
				  START + rows[i].at_sec * SEC) == rows[i].want,
		    "%s", rows[i].label);
	}
}
END_TEST

START_TEST(test_short_answer_to_a_long_wish_is_taken_after_one_fetch)
{
	_cleanup_fixture_ struct fixture f;
	struct cache_answer answer;

	open_fixture(&f);
	ck_assert_int_eq(get_for(&f, 86400 * SEC, START), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "one", 60 * SEC, START), 0);
	ck_assert_ptr_eq(cache_take_waiter(f.fetch, START, &answer), &f.waiter);
	ck_assert_int_eq(answer.verdict, CACHE_TOKEN);
}
END_TEST

START_TEST(test_renewal_comes_in_time_and_only_while_in_use)
{
	static const struct {
		uint64_t life_sec, from_sec, to_sec; /* jitter: a twentieth of the life */
	} rows[] = {
	    {86400, 64800, 69120}, /* 80 % */
	    {3600, 2700, 2880},
	    {2400, 1680, 1800}, /* ten minutes left */
	    {900, 405, 450},	/* but not in the first half */
	    {300, 135, 150},
	    {10, 4, 5},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_fixture_ struct fixture f;
		uint64_t due;

		open_fixture(&f);
		fill(&f, "one", rows[i].life_sec * SEC, START);
		due = cache_next_due(f.cache);
		ck_assert_uint_ge(due, START + rows[i].from_sec * SEC);
		ck_assert_uint_le(due, START + rows[i].to_sec * SEC);

		ck_assert_int_eq(get(&f, START + SEC), CACHE_TOKEN);
		ck_assert_ptr_null(cache_due(f.cache, due - 1));
		f.fetch = cache_due(f.cache, due);
		ck_assert_ptr_nonnull(f.fetch);
		ck_assert_ptr_null(cache_due(f.cache, due)); /* it is under way */
		ck_assert_int_eq(get(&f, due), CACHE_TOKEN); /* nobody waits for it */
	}
}
END_TEST

START_TEST(test_unused_token_is_not_renewed_and_goes_when_it_ends)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_ptr_null(cache_due(f.cache, cache_next_due(f.cache)));
	ck_assert_uint_eq(cache_next_due(f.cache), START + 3600 * SEC);
	ck_assert_ptr_null(cache_due(f.cache, START + 3600 * SEC));
	ck_assert_uint_eq(cache_tokens(f.cache), 0);
	ck_assert_uint_eq(cache_next_due(f.cache), UINT64_MAX);
}
END_TEST

START_TEST(test_late_user_starts_the_renewal_himself)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(get(&f, START + 3000 * SEC), CACHE_TOKEN);
	ck_assert_ptr_nonnull(f.fetch);
	ck_assert_int_eq(settle(&f, "two", 3600 * SEC, START + 3001 * SEC), 0);
	ck_assert_int_eq(get(&f, START + 3002 * SEC), CACHE_TOKEN);
	ck_assert_str_eq(f.answer.token, "two");
}
END_TEST

START_TEST(test_renewal_that_is_not_to_be)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(get(&f, START + SEC), CACHE_TOKEN);
	f.fetch = cache_due(f.cache, START + 3000 * SEC);
	ck_assert_ptr_nonnull(f.fetch);
	cache_drop_fetch(f.fetch);
	ck_assert_ptr_null(cache_due(f.cache, START + 3000 * SEC));
	ck_assert_uint_eq(cache_next_due(f.cache), START + 3600 * SEC);
}
END_TEST

START_TEST(test_refusal_is_remembered_for_a_minute)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	settle_failure(&f, CACHE_REFUSED, 0, START);
	ck_assert_int_eq(get(&f, START + 59 * SEC), CACHE_REFUSED);
	ck_assert_str_eq(f.answer.error, "code");
	ck_assert_str_eq(f.answer.reason, "why");
	ck_assert_ptr_null(f.fetch);
	ck_assert_int_eq(get(&f, START + 60 * SEC), CACHE_WAIT);
	ck_assert_ptr_nonnull(f.fetch);
}
END_TEST

START_TEST(test_pauses_grow_and_a_token_ends_them)
{
	static const unsigned want_sec[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
	_cleanup_fixture_ struct fixture f;
	uint64_t now = START;

	open_fixture(&f);
	for (unsigned i = 0; i < ELEMENTSOF(want_sec); i++) {
		ck_assert_int_eq(get(&f, now), CACHE_WAIT);
		settle_failure(&f, CACHE_UNAVAILABLE, 0, now);
		ck_assert_int_eq(get(&f, now), CACHE_UNAVAILABLE);
		ck_assert_uint_le(f.answer.left_usec, want_sec[i] * SEC);
		ck_assert_uint_ge(f.answer.left_usec, want_sec[i] * SEC / 4 * 3);
		now += f.answer.left_usec;
	}
	ck_assert_int_eq(get(&f, now), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "one", 60 * SEC, now), 1); /* recovered */
	now += 60 * SEC;
	ck_assert_int_eq(get(&f, now), CACHE_WAIT);
	settle_failure(&f, CACHE_UNAVAILABLE, 0, now);
	ck_assert_int_eq(get(&f, now), CACHE_UNAVAILABLE);
	ck_assert_uint_le(f.answer.left_usec, SEC);
}
END_TEST

START_TEST(test_retry_after_is_obeyed_up_to_five_minutes)
{
	static const unsigned rows[][2] = {
	    {120, 120}, {300, 300}, {301, 300}, {100000, 300}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_fixture_ struct fixture f;

		open_fixture(&f);
		ck_assert_int_eq(get(&f, START), CACHE_WAIT);
		settle_failure(&f, CACHE_UNAVAILABLE, rows[i][0] * SEC, START);
		ck_assert_int_eq(get(&f, START), CACHE_UNAVAILABLE);
		ck_assert_uint_eq(f.answer.left_usec, rows[i][1] * SEC);
	}
}
END_TEST

START_TEST(test_valid_token_is_served_while_the_service_fails)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(get_for(&f, 86400 * SEC, START + 2000 * SEC), CACHE_WAIT);
	settle_failure(&f, CACHE_UNAVAILABLE, 0, START + 2000 * SEC);
	ck_assert_ptr_eq(
	    cache_take_waiter(f.fetch, START + 2000 * SEC, &f.answer), &f.waiter);
	ck_assert_int_eq(f.answer.verdict, CACHE_TOKEN);
	/* After that nobody waits, in the pause and behind it. */
	ck_assert_int_eq(get_for(&f, 86400 * SEC, START + 2000 * SEC), CACHE_TOKEN);
	ck_assert_int_eq(get_for(&f, 86400 * SEC, START + 2002 * SEC), CACHE_TOKEN);
	/* The renewal is tried again by the timer, after each pause. */
	f.fetch = cache_due(f.cache, START + 2900 * SEC);
	ck_assert_ptr_nonnull(f.fetch);
	settle_failure(&f, CACHE_UNAVAILABLE, 100 * SEC, START + 2900 * SEC);
	ck_assert_ptr_null(cache_due(f.cache, START + 2999 * SEC));
	ck_assert_uint_eq(cache_next_due(f.cache), START + 3000 * SEC);
	ck_assert_ptr_nonnull(cache_due(f.cache, START + 3000 * SEC));
}
END_TEST

START_TEST(test_refused_renewal_leaves_the_valid_token)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(get(&f, START + 3000 * SEC), CACHE_TOKEN);
	settle_failure(&f, CACHE_REFUSED, 0, START + 3000 * SEC);
	ck_assert_int_eq(get(&f, START + 3001 * SEC), CACHE_TOKEN);
	ck_assert_int_eq(get(&f, START + 3580 * SEC), CACHE_WAIT);
}
END_TEST

START_TEST(test_invalid_destination_is_not_remembered)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	settle_failure(&f, CACHE_DESTINATION_INVALID, 0, START);
	ck_assert_ptr_eq(cache_take_waiter(f.fetch, START, &f.answer), &f.waiter);
	ck_assert_int_eq(f.answer.verdict, CACHE_DESTINATION_INVALID);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	ck_assert_ptr_nonnull(f.fetch);
	/* A renewal that ends so is not tried again at once, for ever. */
	ck_assert_int_eq(settle(&f, "one", 3600 * SEC, START), 1);
	ck_assert_int_eq(get(&f, START + SEC), CACHE_TOKEN);
	f.fetch = cache_due(f.cache, START + 3000 * SEC);
	settle_failure(&f, CACHE_DESTINATION_INVALID, 0, START + 3000 * SEC);
	ck_assert_ptr_null(cache_due(f.cache, START + 3000 * SEC));
}
END_TEST

START_TEST(test_rejected_token_is_replaced_once_a_minute)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(reject(&f, "one", START), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "two", 3600 * SEC, START), 0);
	/* Whoever comes with the old one gets the new one without a fetch. */
	ck_assert_int_eq(reject(&f, "one", START + SEC), CACHE_TOKEN);
	ck_assert_str_eq(f.answer.token, "two");
	ck_assert_int_eq(reject(&f, "never seen", START + SEC), CACHE_TOKEN);
	/* The fresh one is refused too. */
	ck_assert_int_eq(reject(&f, "two", START + 59 * SEC), CACHE_IDENTITY_REFUSED);
	ck_assert_ptr_null(f.fetch);
	ck_assert_int_eq(get(&f, START + 118 * SEC), CACHE_IDENTITY_REFUSED);
	ck_assert_int_eq(reject(&f, "one", START + 118 * SEC), CACHE_IDENTITY_REFUSED);
	ck_assert_int_eq(get(&f, START + 119 * SEC), CACHE_WAIT);
}
END_TEST

START_TEST(test_replacement_is_allowed_again_after_a_minute)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(reject(&f, "one", START), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "two", 3600 * SEC, START), 0);
	ck_assert_int_eq(reject(&f, "two", START + 60 * SEC), CACHE_WAIT);
	ck_assert_ptr_nonnull(f.fetch);
}
END_TEST

START_TEST(test_same_token_again_means_that_there_is_no_other)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(reject(&f, "one", START), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "one", 3600 * SEC, START), 0);
	ck_assert_ptr_eq(cache_take_waiter(f.fetch, START, &f.answer), &f.waiter);
	ck_assert_int_eq(f.answer.verdict, CACHE_IDENTITY_REFUSED);
	/* A minute later it is worth another try: the mailbox may have been opened meanwhile. */
	ck_assert_int_eq(get(&f, START + 60 * SEC), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "one", 3600 * SEC, START + 60 * SEC), 0);
	ck_assert_int_eq(get(&f, START + 61 * SEC), CACHE_TOKEN);
}
END_TEST

START_TEST(test_token_unknown_after_a_restart_is_not_handed_out_again)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	ck_assert_int_eq(reject(&f, "one", START), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "one", 3600 * SEC, START), 0);
	ck_assert_ptr_eq(cache_take_waiter(f.fetch, START, &f.answer), &f.waiter);
	ck_assert_int_eq(f.answer.verdict, CACHE_IDENTITY_REFUSED);
}
END_TEST

START_TEST(test_rejection_joins_the_fetch_under_way)
{
	_cleanup_fixture_ struct fixture f;
	struct cache_entry *renewal;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(get(&f, START + 3000 * SEC), CACHE_TOKEN);
	renewal = f.fetch;
	ck_assert_int_eq(reject(&f, "one", START + 3000 * SEC), CACHE_WAIT);
	ck_assert_ptr_null(f.fetch);
	ck_assert_int_eq(
	    settle_at(&f, renewal, "two", 3600 * SEC, START + 3001 * SEC), 0);
	/* It counts as the replacement. */
	ck_assert_int_eq(reject(&f, "two", START + 3002 * SEC), CACHE_IDENTITY_REFUSED);
}
END_TEST

START_TEST(test_replacement_that_fails_is_no_replacement)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_int_eq(reject(&f, "one", START), CACHE_WAIT);
	settle_failure(&f, CACHE_UNAVAILABLE, 0, START);
	ck_assert_int_eq(reject(&f, "one", START), CACHE_UNAVAILABLE);
	ck_assert_int_eq(get(&f, START), CACHE_UNAVAILABLE); /* not the refused one */
	ck_assert_int_eq(reject(&f, "one", START + 2 * SEC), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "two", 3600 * SEC, START + 2 * SEC), 1);
	ck_assert_int_eq(get(&f, START + 3 * SEC), CACHE_TOKEN);
}
END_TEST

static void set_number(struct fixture *f, unsigned i)
{
	memcpy(f->key.owner, &i, sizeof(i));
}

START_TEST(test_least_recently_used_entry_makes_room)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	for (unsigned i = 0; i < CACHE_ENTRIES_MAX; i++) {
		set_number(&f, i);
		fill(&f, "one", 3600 * SEC, START);
	}
	set_number(&f, 0);
	ck_assert_int_eq(get(&f, START), CACHE_TOKEN);
	set_number(&f, CACHE_ENTRIES_MAX);
	fill(&f, "one", 3600 * SEC, START);
	ck_assert_uint_eq(cache_tokens(f.cache), CACHE_ENTRIES_MAX);
	set_number(&f, 0);
	ck_assert_int_eq(get(&f, START), CACHE_TOKEN);
	set_number(&f, 1);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
}
END_TEST

START_TEST(test_busy_entries_make_no_room)
{
	_cleanup_fixture_ struct fixture f;
	struct cache_entry *first = NULL;

	open_fixture(&f);
	for (unsigned i = 0; i < CACHE_ENTRIES_MAX; i++) {
		set_number(&f, i);
		ck_assert_int_eq(get(&f, START), CACHE_WAIT);
		first = first ? first : f.fetch;
	}
	set_number(&f, CACHE_ENTRIES_MAX);
	ck_assert_int_eq(get(&f, START), CACHE_FULL);
	ck_assert_ptr_nonnull(f.answer.reason);
	ck_assert_int_eq(settle_at(&f, first, "one", 3600 * SEC, START), 0);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
}
END_TEST

START_TEST(test_entries_with_nothing_to_remember_go)
{
	_cleanup_fixture_ struct fixture f;
	const struct cache_entry *position = NULL;
	struct cache_view view;

	open_fixture(&f);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	cache_forget_waiter(&f.waiter);
	settle_failure(&f, CACHE_UNAVAILABLE, 0, START);
	ck_assert_ptr_null(cache_due(f.cache, START + 100 * SEC));
	ck_assert(cache_next_view(f.cache, &position, START + 100 * SEC, &view));
	ck_assert_ptr_null(cache_due(f.cache, START + 400 * SEC));
	position = NULL;
	ck_assert(!cache_next_view(f.cache, &position, START + 400 * SEC, &view));
}
END_TEST

START_TEST(test_views)
{
	_cleanup_fixture_ struct fixture f;
	const struct cache_entry *position = NULL;
	struct cache_view view;

	open_fixture(&f);
	fill(&f, "one", 3600 * SEC, START);
	set_number(&f, 1);
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	ck_assert(cache_next_view(f.cache, &position, START, &view));
	ck_assert_str_eq(view.state, "fetching");
	ck_assert_uint_eq(view.waiters, 1);
	ck_assert(!view.has_token);
	ck_assert(cache_next_view(f.cache, &position, START, &view));
	ck_assert_str_eq(view.state, "valid");
	ck_assert_str_eq(view.binding->destination, "d");
	ck_assert_uint_eq(view.left_usec, 3600 * SEC);
	ck_assert(!cache_next_view(f.cache, &position, START, &view));
}
END_TEST

START_TEST(test_leaves_no_token_in_freed_memory)
{
	struct fixture f;

	open_fixture(&f);
	fill(&f, "CANARY-TOKEN-0", 3600 * SEC, START);
	freed_memory_watch("CANARY-TOKEN");
	ck_assert_int_eq(reject(&f, "CANARY-TOKEN-0", START), CACHE_WAIT);
	ck_assert_int_eq(settle(&f, "CANARY-TOKEN-1", 3600 * SEC, START), 0);
	ck_assert_ptr_null(cache_due(f.cache, START + 3600 * SEC));
	fill(&f, "CANARY-TOKEN-2", 3600 * SEC, START + 3600 * SEC);
	done_fixture(&f);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_fetches_once_then_serves,
	    test_a_thousand_waiters_share_one_fetch,
	    test_waiters_are_answered_in_order,
	    test_a_fetch_nobody_waits_for_any_more_fills_the_cache,
	    test_another_request_or_owner_is_another_token,
	    test_token_is_not_used_at_its_very_end,
	    test_minimum_lifetime,
	    test_short_answer_to_a_long_wish_is_taken_after_one_fetch,
	    test_renewal_comes_in_time_and_only_while_in_use,
	    test_unused_token_is_not_renewed_and_goes_when_it_ends,
	    test_late_user_starts_the_renewal_himself,
	    test_renewal_that_is_not_to_be,
	    test_refusal_is_remembered_for_a_minute,
	    test_pauses_grow_and_a_token_ends_them,
	    test_retry_after_is_obeyed_up_to_five_minutes,
	    test_valid_token_is_served_while_the_service_fails,
	    test_refused_renewal_leaves_the_valid_token,
	    test_invalid_destination_is_not_remembered,
	    test_rejected_token_is_replaced_once_a_minute,
	    test_replacement_is_allowed_again_after_a_minute,
	    test_same_token_again_means_that_there_is_no_other,
	    test_token_unknown_after_a_restart_is_not_handed_out_again,
	    test_rejection_joins_the_fetch_under_way,
	    test_replacement_that_fails_is_no_replacement,
	    test_least_recently_used_entry_makes_room,
	    test_busy_entries_make_no_room,
	    test_entries_with_nothing_to_remember_go,
	    test_views,
	    test_leaves_no_token_in_freed_memory,
	};

	return check_program("cache", tests, ELEMENTSOF(tests));
}
