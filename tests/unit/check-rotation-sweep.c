/* SPDX-License-Identifier: Apache-2.0 */
/* Which records go, and for what. */

#include "rotation-sweep.h"

#include <errno.h>

#include "check-program.h"
#include "rotation-place.h"

/* The sizes of the two classes, beyond what all records have. */
#define MARK 0
#define TOKEN 1

static unsigned make_room(const struct place *p, unsigned number, size_t class)
{
	char name[ROTATION_NAME_SIZE];

	name_of(number, name);
	return rotation_make_room(p->folder, name, class == TOKEN);
}

static void put_many(const struct place *p, unsigned first, size_t class)
{
	for (unsigned i = 0; i < ROTATION_FILES_MAX; i++)
		put(p, first + i, class, NOW + i);
}

START_TEST(test_unused_records_go)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put(&p, 1, TOKEN, NOW - 1);
	put(&p, 2, MARK, NOW - 1);
	put(&p, 3, TOKEN, NOW);
	put(&p, 4, TOKEN, NOW + DAY); /* a clock was wrong */
	rotation_sweep(p.folder, NOW);
	ck_assert(!is_there(&p, 1) && !is_there(&p, 2));
	ck_assert(is_there(&p, 3) && is_there(&p, 4));
	rotation_remove(p.folder, "none");
}
END_TEST

START_TEST(test_renewed_records_stay)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put(&p, 1, TOKEN, 0);
	put(&p, 2, TOKEN, NOW - 1);
	put(&p, 3, TOKEN, NOW);
	rotation_renew(p.folder, NOW, NOW + DAY);
	rotation_sweep(p.folder, NOW + DAY);
	ck_assert(is_there(&p, 1) && is_there(&p, 2));
	ck_assert_msg(!is_there(&p, 3), "one that was not unused is renewed too");
}
END_TEST

START_TEST(test_a_thousand_tokens_are_kept)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put_many(&p, 0, TOKEN);
	ck_assert_uint_eq(make_room(&p, 500, TOKEN), 0);
	ck_assert(is_there(&p, 0));
	ck_assert_uint_eq(make_room(&p, 5000, TOKEN), 1);
	ck_assert(!is_there(&p, 0) && is_there(&p, 1));
	put(&p, 5000, TOKEN, NOW - DAY);
	put(&p, 5001, TOKEN, NOW);
	ck_assert_uint_eq(make_room(&p, 5002, TOKEN), 2);
	ck_assert(!is_there(&p, 5000) && !is_there(&p, 5001) && is_there(&p, 1));
}
END_TEST

/* The name of a record of one of several holders. */
static void name_of_holder(unsigned holder, unsigned number, char ret[ROTATION_NAME_SIZE])
{
	(void)snprintf(ret, ROTATION_NAME_SIZE, "%0*x%0*x", ROTATION_HOLDER_LENGTH,
	    holder, ROTATION_NAME_SIZE - 1 - ROTATION_HOLDER_LENGTH, number);
}

static void put_of_holder(
    const struct place *p, unsigned holder, unsigned number, time_t used_at)
{
	char name[ROTATION_NAME_SIZE];

	name_of_holder(holder, number, name);
	put_named(p, name, TOKEN, used_at);
}

static bool is_there_of_holder(const struct place *p, unsigned holder, unsigned number)
{
	char name[ROTATION_NAME_SIZE];

	name_of_holder(holder, number, name);
	return rotation_exists(p->folder, name);
}

static unsigned make_room_for_holder(
    const struct place *p, unsigned holder, unsigned number)
{
	char name[ROTATION_NAME_SIZE];

	name_of_holder(holder, number, name);
	return rotation_make_room(p->folder, name, true);
}

/* However old the others' are, and however new what the greedy one puts in. */
START_TEST(test_who_has_most_makes_room)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put_of_holder(&p, 1, 0, NOW - DAY);
	put_of_holder(&p, 2, 0, NOW - 2 * DAY);
	for (unsigned i = 0; i < ROTATION_FILES_MAX - 2; i++)
		put_of_holder(&p, 9, i, NOW + i);
	ck_assert_uint_eq(make_room_for_holder(&p, 9, 5000), 1);
	ck_assert(!is_there_of_holder(&p, 9, 0));
	put_of_holder(&p, 9, 5000, NOW);
	ck_assert_uint_eq(make_room_for_holder(&p, 1, 1), 1);
	ck_assert(!is_there_of_holder(&p, 9, 5000) && is_there_of_holder(&p, 9, 1));
	ck_assert(is_there_of_holder(&p, 1, 0) && is_there_of_holder(&p, 2, 0));
}
END_TEST

/* Two holders that have the same, the second's older. */
static void put_halves(const struct place *p)
{
	for (unsigned i = 0; i < ROTATION_FILES_MAX / 2; i++) {
		put_of_holder(p, 1, i, NOW + i);
		put_of_holder(p, 2, i, NOW - DAY + i);
	}
}

/* A third who comes: the oldest of both goes. */
START_TEST(test_of_two_the_oldest_goes)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put_halves(&p);
	ck_assert_uint_eq(make_room_for_holder(&p, 3, 0), 1);
	ck_assert(is_there_of_holder(&p, 1, 0) && !is_there_of_holder(&p, 2, 0));
}
END_TEST

/* Who wants one more makes room himself. */
START_TEST(test_nobody_grows_at_the_cost_of_who_has_no_more)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put_halves(&p);
	ck_assert_uint_eq(make_room_for_holder(&p, 1, 5000), 1);
	ck_assert(!is_there_of_holder(&p, 1, 0) && is_there_of_holder(&p, 2, 0));
}
END_TEST

START_TEST(test_no_token_goes_for_a_mark)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put_many(&p, 0, TOKEN);
	put_many(&p, 5000, MARK);
	ck_assert_uint_eq(make_room(&p, 9000, MARK), 0);
	ck_assert(!is_there(&p, 5000) && is_there(&p, 5001));
	ck_assert_msg(is_there(&p, 0), "a token has made room for a mark");
}
END_TEST

/* A code that brings a refresh token: from then on it is one of the tokens. */
START_TEST(test_mark_that_becomes_a_token_needs_room)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put_many(&p, 0, TOKEN);
	put(&p, 5000, MARK, NOW);
	ck_assert_uint_eq(make_room(&p, 5000, TOKEN), 1);
	ck_assert(!is_there(&p, 0) && is_there(&p, 5000));
}
END_TEST

START_TEST(test_without_a_folder_there_is_nothing_to_do)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	ck_assert_uint_eq(make_room(&p, 1, TOKEN), 0);
	rotation_sweep(p.folder, NOW);
	rotation_renew(p.folder, NOW, NOW);
	rotation_clean(p.folder);
}
END_TEST

START_TEST(test_what_killed_writers_left_is_cleaned_and_nothing_else)
{
	_cleanup_place_ struct place p;
	char name[ROTATION_NAME_SIZE + 4], other[] = "notes.new";
	_cleanup_secret_ struct secret bytes = {0};

	make_place(&p);
	put(&p, 1, 1, NOW);
	ck_assert_int_eq(secret_puts(&bytes, "x"), 0);
	(void)snprintf(name, sizeof(name), "%064x.new", 2u);
	ck_assert_int_eq(rotation_write(p.folder, name, &bytes), -ENAMETOOLONG);
	ck_assert_int_eq(rotation_write(p.folder, other, &bytes), 0);
	{
		_cleanup_free_ char *path = NULL;
		int fd;

		ck_assert_int_gt(asprintf(&path, "%s/%s", p.folder, name), 0);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		(void)close(fd);
	}
	rotation_clean(p.folder);
	ck_assert(!rotation_exists(p.folder, name));
	ck_assert(rotation_exists(p.folder, other));
	ck_assert(is_there(&p, 1));
	/* one that is there when the next writer comes does no harm either */
	put(&p, 2, 1, NOW);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_unused_records_go,
	    test_renewed_records_stay,
	    test_a_thousand_tokens_are_kept,
	    test_who_has_most_makes_room,
	    test_of_two_the_oldest_goes,
	    test_nobody_grows_at_the_cost_of_who_has_no_more,
	    test_no_token_goes_for_a_mark,
	    test_mark_that_becomes_a_token_needs_room,
	    test_without_a_folder_there_is_nothing_to_do,
	    test_what_killed_writers_left_is_cleaned_and_nothing_else,
	};

	return check_program("rotation-sweep", tests, ELEMENTSOF(tests));
}
