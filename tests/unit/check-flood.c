/* SPDX-License-Identifier: Apache-2.0 */
/* How many unknown credentials may be tried, and whom that concerns. */

#include "flood.h"

#include <string.h>

#include "check-program.h"

#define SEC UINT64_C(1000000)
#define START (1000 * SEC)

static struct flood *make(void)
{
	struct flood *f = NULL;

	ck_assert_int_eq(flood_new(&f), 0);
	return f;
}

static bool admit(struct flood *f, unsigned owner, uint64_t now)
{
	unsigned char digest[DIGEST_SHA256_SIZE] = {0};

	memcpy(digest, &owner, sizeof(owner));
	return flood_admit(f, digest, now);
}

static bool has_room(const struct flood *f, unsigned owner, uint64_t now)
{
	unsigned char digest[DIGEST_SHA256_SIZE] = {0};

	memcpy(digest, &owner, sizeof(owner));
	return flood_has_room(f, digest, now);
}

START_TEST(test_to_look_for_room_counts_nothing)
{
	struct flood *f = make();

	for (unsigned i = 0; i < FLOOD_TRIES; i++) {
		ck_assert(has_room(f, 1, START) && has_room(f, 1, START));
		ck_assert(admit(f, 1, START));
	}
	ck_assert(!has_room(f, 1, START + 60 * SEC - 1));
	ck_assert(has_room(f, 2, START) && has_room(f, 1, START + 60 * SEC));
	flood_free(f);
}
END_TEST

START_TEST(test_ten_a_minute_are_admitted)
{
	struct flood *f = make();

	for (unsigned i = 0; i < FLOOD_TRIES; i++)
		ck_assert_msg(admit(f, 1, START + i * SEC), "try %u is refused", i);
	ck_assert(!admit(f, 1, START + 11 * SEC));
	ck_assert(!admit(f, 1, START + 60 * SEC - 1));
	/* the first is a minute old, the second not yet */
	ck_assert(admit(f, 1, START + 60 * SEC));
	ck_assert(!admit(f, 1, START + 60 * SEC));
	ck_assert(admit(f, 1, START + 61 * SEC));
	flood_free(f);
}
END_TEST

START_TEST(test_in_no_minute_there_are_more)
{
	struct flood *f = make();
	unsigned n = 0;

	for (uint64_t t = 0; t < 600 * SEC; t += SEC / 10)
		n += admit(f, 1, START + t);
	ck_assert_uint_eq(n, 100);
	flood_free(f);
}
END_TEST

START_TEST(test_one_owner_takes_nothing_from_another)
{
	struct flood *f = make();

	for (unsigned i = 0; i < 100; i++)
		(void)admit(f, 1, START);
	ck_assert(!admit(f, 1, START));
	ck_assert(admit(f, 2, START));
	flood_free(f);
}
END_TEST

START_TEST(test_nobody_is_locked_out_by_many_others)
{
	struct flood *f = make();
	unsigned last = FLOOD_OWNERS_MAX - 1;

	for (unsigned n = 0; n < FLOOD_TRIES; n++)
		for (unsigned i = 0; i < FLOOD_OWNERS_MAX; i++)
			ck_assert(admit(f, i, START + n * FLOOD_OWNERS_MAX + i));
	ck_assert(!has_room(f, 0, START + SEC) && !has_room(f, last, START + SEC));
	ck_assert(has_room(f, FLOOD_OWNERS_MAX, START + SEC));
	ck_assert(admit(f, FLOOD_OWNERS_MAX, START + SEC));
	/* who was forgotten is the one that has been quiet longest */
	ck_assert(has_room(f, 0, START + SEC));
	ck_assert(!has_room(f, 1, START + SEC) && !has_room(f, last, START + SEC));
	flood_free(f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_to_look_for_room_counts_nothing,
	    test_ten_a_minute_are_admitted,
	    test_in_no_minute_there_are_more,
	    test_one_owner_takes_nothing_from_another,
	    test_nobody_is_locked_out_by_many_others,
	};

	return check_program("flood", tests, ELEMENTSOF(tests));
}
