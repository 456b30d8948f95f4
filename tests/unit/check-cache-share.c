/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of one destination, however many they are, keep no others' out of the cache. */

#include "cache-fixture.h"

#include "check-program.h"

#define LIFE (3600 * SEC)
/* Beyond these an owner makes room for others. */
#define SHARE (CACHE_ENTRIES_MAX / 8)

/* Client `number` of an owner's comes with a credential, and gets a token if there is room. */
static enum cache_verdict come(
    struct fixture *f, unsigned char owner, unsigned number, uint64_t now)
{
	enum cache_verdict verdict;

	f->key = (struct cache_key){.owner = {0, owner}, .credential = {1}};
	memcpy(f->key.credential + 1, &number, sizeof(number));
	verdict = get(f, now);
	if (verdict == CACHE_WAIT)
		ck_assert_int_eq(settle(f, "token", LIFE, now), 0);
	return verdict;
}

static void come_all(struct fixture *f, unsigned char owner, unsigned n, uint64_t now)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(come(f, owner, i, now + i), CACHE_WAIT);
}

START_TEST(test_who_has_most_makes_room)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	come_all(&f, 'a', CACHE_ENTRIES_MAX, START);
	ck_assert_int_eq(come(&f, 'b', 0, START + SEC), CACHE_WAIT);
	ck_assert_int_eq(come(&f, 'b', 0, START + 2 * SEC), CACHE_TOKEN);
	/* which of them: the one that was used longest ago */
	ck_assert_int_eq(come(&f, 'a', 1, START + 3 * SEC), CACHE_TOKEN);
	ck_assert_int_eq(come(&f, 'a', 0, START + 3 * SEC), CACHE_FULL);
}
END_TEST

START_TEST(test_who_has_most_gets_no_more)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	come_all(&f, 'a', CACHE_ENTRIES_MAX, START);
	ck_assert_int_eq(come(&f, 'a', CACHE_ENTRIES_MAX, START + SEC), CACHE_FULL);
	ck_assert_int_eq(come(&f, 'a', 0, START + SEC), CACHE_TOKEN);
}
END_TEST

/* However old: there are some who wait for what it brings. */
START_TEST(test_a_fetch_under_way_makes_no_room)
{
	const struct cache_key key = {.owner = {0, 'a'}, .credential = {2}};
	_cleanup_fixture_ struct fixture f;
	struct cache_entry *fetch;

	open_fixture(&f);
	f.key = key;
	ck_assert_int_eq(get(&f, START), CACHE_WAIT);
	fetch = f.fetch;
	come_all(&f, 'a', CACHE_ENTRIES_MAX - 1, START);
	ck_assert_int_eq(come(&f, 'b', 0, START + SEC), CACHE_WAIT);
	ck_assert_int_eq(settle_at(&f, fetch, "token", LIFE, START + SEC), 0);
	f.key = key;
	ck_assert_int_eq(get(&f, START + SEC), CACHE_TOKEN);
}
END_TEST

START_TEST(test_nobody_loses_his_share)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f);
	for (unsigned char owner = 1; owner <= CACHE_ENTRIES_MAX / SHARE; owner++)
		come_all(&f, owner, SHARE, START);
	ck_assert_int_eq(come(&f, 'x', 0, START + SEC), CACHE_FULL);
	ck_assert_int_eq(come(&f, 1, 0, START + SEC), CACHE_TOKEN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_who_has_most_makes_room,
	    test_who_has_most_gets_no_more,
	    test_a_fetch_under_way_makes_no_room,
	    test_nobody_loses_his_share,
	};

	return check_program("cache-share", tests, ELEMENTSOF(tests));
}
