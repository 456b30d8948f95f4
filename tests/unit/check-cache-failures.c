/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's rules for tokens that do not come, or that the mail server refuses. */

#include "cache.h"

#include "cache-fixture.h"
#include "check-program.h"

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

int main(void)
{
	const TTest *const tests[] = {
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
	};

	return check_program("cache-failures", tests, ELEMENTSOF(tests));
}
