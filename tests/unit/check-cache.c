/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's rules for tokens that come: who has which, and for how long. Nothing here waits. */

#include "cache.h"

#include "cache-fixture.h"
#include "check-program.h"
#include "freed-memory.h"

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
	    test_least_recently_used_entry_makes_room,
	    test_busy_entries_make_no_room,
	    test_entries_with_nothing_to_remember_go,
	    test_views,
	    test_leaves_no_token_in_freed_memory,
	};

	return check_program("cache", tests, ELEMENTSOF(tests));
}
