/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed records: for whom they open, and that nothing else does. */

#include "rotation-seal.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "repeated-text.h"

#define CREDENTIAL "canary-credential-0815"
#define TOKEN "canary-refresh-token-4711"

static const unsigned char realm[DIGEST_SHA256_SIZE] = "a realm's digest";
static const struct rotation_id own = {realm, CREDENTIAL};

static void seal(const char *token, struct secret *ret)
{
	secret_clear(ret);
	ck_assert_int_eq(rotation_seal(&own, token, ret), 0);
}

static void assert_shut(
    const struct rotation_id *id, const void *bytes, size_t n, const char *label)
{
	_cleanup_secret_ struct secret token = {0};

	ck_assert_msg(rotation_open(id, bytes, n, &token) == -EBADMSG, "%s opens", label);
	ck_assert_msg(token.len == 0, "%s gives something", label);
}

START_TEST(test_what_is_sealed_opens)
{
	_cleanup_secret_ struct secret record = {0}, token = {0};
	static const char *const tokens[] = {"", "x", TOKEN, "with spaces and \xc3\xa9"};

	for (size_t i = 0; i < ELEMENTSOF(tokens); i++) {
		seal(tokens[i], &record);
		ck_assert_uint_eq(record.len, strlen(tokens[i]) + ROTATION_OVERHEAD);
		secret_clear(&token);
		ck_assert_int_eq(rotation_open(&own, record.data, record.len, &token), 0);
		ck_assert_str_eq(secret_str(&token), tokens[i]);
	}
}
END_TEST

START_TEST(test_longest_token_fits_and_no_longer_one)
{
	_cleanup_secret_ struct secret record = {0}, token = {0}, text = {0};

	repeated_text(&text, "t", ROTATION_TOKEN_MAX);
	seal(text.data, &record);
	ck_assert_uint_eq(record.len, ROTATION_SIZE_MAX);
	ck_assert_int_eq(rotation_open(&own, record.data, record.len, &token), 0);
	ck_assert_str_eq(token.data, text.data);
	repeated_text(&text, "t", 1);
	ck_assert_int_eq(rotation_seal(&own, text.data, &record), -EFBIG);
	ck_assert_uint_eq(record.len, ROTATION_SIZE_MAX);
}
END_TEST

START_TEST(test_any_changed_bit_shuts_it)
{
	_cleanup_secret_ struct secret record = {0};

	seal(TOKEN, &record);
	for (size_t i = 0; i < record.len * 8; i++) {
		record.data[i / 8] = (char)(record.data[i / 8] ^ (1 << i % 8));
		assert_shut(&own, record.data, record.len, "a changed bit");
		record.data[i / 8] = (char)(record.data[i / 8] ^ (1 << i % 8));
	}
}
END_TEST

START_TEST(test_any_other_length_shuts_it)
{
	_cleanup_secret_ struct secret record = {0};

	seal(TOKEN, &record);
	for (size_t n = 0; n < record.len; n++)
		assert_shut(&own, record.data, n, "a part");
	ck_assert_int_eq(secret_append(&record, "x", 1), 0);
	assert_shut(&own, record.data, record.len, "a longer one");
}
END_TEST

START_TEST(test_it_opens_for_nobody_else)
{
	static const unsigned char other[DIGEST_SHA256_SIZE] = "another digest";
	static const struct {
		const char *label;
		struct rotation_id id;
	} rows[] = {
	    {"another realm", {other, CREDENTIAL}},
	    {"another credential", {realm, CREDENTIAL "x"}},
	    {"a part of the credential", {realm, "canary-credential-081"}},
	    {"no credential", {realm, ""}},
	};
	_cleanup_secret_ struct secret record = {0};

	seal(TOKEN, &record);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		assert_shut(&rows[i].id, record.data, record.len, rows[i].label);
}
END_TEST

START_TEST(test_no_two_records_are_alike_and_none_shows_what_it_holds)
{
	_cleanup_secret_ struct secret first = {0}, second = {0};
	size_t same = 0;

	seal(TOKEN, &first);
	seal(TOKEN, &second);
	for (size_t i = 8; i < first.len; i++)
		same += first.data[i] == second.data[i];
	ck_assert_uint_lt(same, 10);
	ck_assert_ptr_null(memmem(first.data, first.len, "canary", 6));
}
END_TEST

START_TEST(test_names_are_of_realm_and_credential)
{
	static const unsigned char a[DIGEST_SHA256_SIZE] = {1},
				   b[DIGEST_SHA256_SIZE] = {2};
	char names[4][ROTATION_NAME_SIZE];

	ck_assert_int_eq(rotation_name(a, b, names[0]), 0);
	ck_assert_int_eq(rotation_name(b, a, names[1]), 0);
	ck_assert_int_eq(rotation_name(a, a, names[2]), 0);
	ck_assert_int_eq(rotation_name(a, b, names[3]), 0);
	ck_assert_str_eq(names[0], names[3]);
	ck_assert_str_ne(names[0], names[1]);
	ck_assert_str_ne(names[0], names[2]);
	ck_assert_uint_eq(strlen(names[0]), ROTATION_NAME_SIZE - 1);
}
END_TEST

/* Records of one holder can be counted, and nothing else can be told of them. */
START_TEST(test_names_begin_with_whose_they_are)
{
	static const unsigned char one[DIGEST_SHA256_SIZE] = {1},
				   other[DIGEST_SHA256_SIZE] = {2};
	unsigned char edited[DIGEST_SHA256_SIZE] = {1};
	char names[3][ROTATION_NAME_SIZE];

	edited[BINDING_HOLDER_SIZE] = 1;
	ck_assert_int_eq(rotation_name(one, one, names[0]), 0);
	ck_assert_int_eq(rotation_name(edited, other, names[1]), 0);
	ck_assert_int_eq(rotation_name(other, one, names[2]), 0);
	ck_assert_mem_eq(names[0], names[1], ROTATION_HOLDER_LENGTH);
	ck_assert_mem_ne(names[0], names[2], ROTATION_HOLDER_LENGTH);
	ck_assert_str_ne(names[0], names[1]);
}
END_TEST

START_TEST(test_token_stays_in_no_freed_memory)
{
	_cleanup_secret_ struct secret record = {0};

	seal(TOKEN, &record);
	freed_memory_watch("refresh-token-4711");
	for (unsigned damaged = 0; damaged < 2; damaged++) {
		struct secret token = {0};
		int r;

		record.data[record.len - 1] =
		    (char)(record.data[record.len - 1] ^ (int)damaged);
		r = rotation_open(&own, record.data, record.len, &token);
		ck_assert_int_eq(r, damaged ? -EBADMSG : 0);
		secret_done(&token);
	}
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_what_is_sealed_opens,
	    test_longest_token_fits_and_no_longer_one,
	    test_any_changed_bit_shuts_it,
	    test_any_other_length_shuts_it,
	    test_it_opens_for_nobody_else,
	    test_no_two_records_are_alike_and_none_shows_what_it_holds,
	    test_names_are_of_realm_and_credential,
	    test_names_begin_with_whose_they_are,
	    test_token_stays_in_no_freed_memory,
	};

	return check_program("rotation-seal", tests, ELEMENTSOF(tests));
}
