/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers that wipe themselves: what they hold, and that no block is ever freed with a
 * secret in it. */

#include "secret.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "repeated-text.h"

#define PATTERN "correct horse battery staple"

START_TEST(test_the_watch_sees_a_block_that_is_not_wiped)
{
	char *volatile text = strdup(PATTERN); /* else the compiler leaves both out */

	ck_assert_ptr_nonnull(text);
	freed_memory_watch(PATTERN);
	free(text);
	ck_assert_uint_eq(freed_memory_hits(), 1);
}
END_TEST

START_TEST(test_an_empty_buffer_is_an_empty_string)
{
	_cleanup_secret_ struct secret s = {0};

	ck_assert_str_eq(secret_str(&s), "");
	secret_clear(&s);
	secret_consume(&s, 0);
	secret_done(&s);
	ck_assert_ptr_null(s.data);
	ck_assert_uint_eq(s.len, 0);
}
END_TEST

START_TEST(test_stays_terminated_at_every_length)
{
	_cleanup_secret_ struct secret s = {0};

	for (size_t n = 0; n < 2000; n++) {
		ck_assert_uint_eq(s.len, n);
		ck_assert_uint_eq(strlen(secret_str(&s)), n);
		ck_assert(n == 0 || s.len < s.cap);
		ck_assert_int_eq(secret_append(&s, "x", 1), 0);
	}
}
END_TEST

START_TEST(test_holds_nul_bytes)
{
	_cleanup_secret_ struct secret s = {0};

	ck_assert_int_eq(secret_append(&s, "a\0b", 3), 0);
	ck_assert_int_eq(secret_puts(&s, "c"), 0);
	ck_assert_uint_eq(s.len, 4);
	ck_assert_int_eq(memcmp(s.data, "a\0bc", 5), 0);
}
END_TEST

START_TEST(test_formats_text_of_any_length)
{
	_cleanup_secret_ struct secret s = {0};
	char word[700];

	memset(word, 'w', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	ck_assert_int_eq(secret_printf(&s, "%d:%s|", 42, word), 0);
	ck_assert_int_eq(secret_printf(&s, "%s", ""), 0);
	ck_assert_uint_eq(s.len, 3 + strlen(word) + 1);
	ck_assert_int_eq(strncmp(s.data, "42:www", 6), 0);
	ck_assert_str_eq(s.data + s.len - 2, "w|");
}
END_TEST

/* Where the text just fits, and where it just does not. */
START_TEST(test_formats_up_to_the_edge_of_its_room)
{
	for (int n = 1; n < 600; n++) {
		_cleanup_secret_ struct secret s = {0};

		ck_assert_int_eq(secret_puts(&s, "before"), 0);
		ck_assert_int_eq(secret_printf(&s, "%*s|", n, "x"), 0);
		ck_assert_uint_eq(s.len, strlen("before") + (size_t)n + 1);
		ck_assert_uint_eq(strlen(s.data), s.len);
		ck_assert_int_eq(strncmp(s.data, "before", 6), 0);
		ck_assert_str_eq(s.data + s.len - 2, "x|");
	}
}
END_TEST

START_TEST(test_reserve_makes_room_that_appending_uses)
{
	_cleanup_secret_ struct secret s = {0};
	const char *data;

	ck_assert_int_eq(secret_puts(&s, "kept"), 0);
	ck_assert_int_eq(secret_reserve(&s, 100000), 0);
	ck_assert_str_eq(s.data, "kept");
	data = s.data;
	repeated_text(&s, "x", 100000);
	ck_assert_ptr_eq(s.data, data);
}
END_TEST

START_TEST(test_refuses_impossible_sizes_and_keeps_the_contents)
{
	static const size_t sizes[] = {
	    SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 4};
	_cleanup_secret_ struct secret s = {0};

	ck_assert_int_eq(secret_puts(&s, "kept"), 0);
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
		ck_assert_int_eq(secret_reserve(&s, sizes[i]), -ENOMEM);
	ck_assert_str_eq(s.data, "kept");
}
END_TEST

START_TEST(test_consume_takes_from_the_front)
{
	static const char text[] = "abcdefgh";

	for (size_t n = 0; n < sizeof(text); n++) {
		_cleanup_secret_ struct secret s = {0};

		ck_assert_int_eq(secret_puts(&s, text), 0);
		secret_consume(&s, n);
		ck_assert_str_eq(s.data, text + n);
		ck_assert_uint_eq(s.len, strlen(text) - n);
		for (size_t i = s.len; i < strlen(text); i++)
			ck_assert_msg(s.data[i] == '\0',
			    "%zu consumed: byte %zu is left behind", n, i);
	}
}
END_TEST

START_TEST(test_clear_wipes_and_keeps_the_memory)
{
	_cleanup_secret_ struct secret s = {0};
	const char *data;

	ck_assert_int_eq(secret_puts(&s, PATTERN), 0);
	data = s.data;
	secret_clear(&s);
	ck_assert_ptr_eq(s.data, data);
	ck_assert_uint_eq(s.len, 0);
	ck_assert_ptr_null(memmem(s.data, s.cap, "horse", 5));
	ck_assert_int_eq(secret_puts(&s, "new"), 0);
	ck_assert_ptr_eq(s.data, data);
}
END_TEST

START_TEST(test_done_wipes)
{
	struct secret s = {0};

	freed_memory_watch("horse");
	ck_assert_int_eq(secret_puts(&s, PATTERN), 0);
	secret_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	ck_assert_int_eq(secret_printf(&s, "%s again", PATTERN), 0);
	secret_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

START_TEST(test_done_wipes_behind_what_was_consumed_and_cleared)
{
	struct secret s = {0};

	freed_memory_watch("horse");
	ck_assert_int_eq(secret_puts(&s, PATTERN), 0);
	secret_clear(&s);
	ck_assert_int_eq(secret_puts(&s, "x"), 0);
	secret_consume(&s, 1);
	ck_assert_int_eq(secret_puts(&s, PATTERN PATTERN), 0);
	secret_consume(&s, strlen(PATTERN));
	secret_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

START_TEST(test_growth_wipes_the_old_block)
{
	struct secret s = {0};

	freed_memory_watch("horse");
	ck_assert_int_eq(secret_puts(&s, PATTERN), 0);
	for (unsigned i = 0; i < 12; i++)
		ck_assert_int_eq(secret_reserve(&s, s.cap), 0);
	ck_assert_str_eq(s.data, PATTERN);
	secret_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

START_TEST(test_free_string_wipes)
{
	char *text = strdup(PATTERN);

	ck_assert_ptr_nonnull(text);
	freed_memory_watch("horse");
	ck_assert_ptr_null(secret_free_string(text));
	ck_assert_uint_eq(freed_memory_hits(), 0);
	ck_assert_ptr_null(secret_free_string(NULL));
}
END_TEST

START_TEST(test_scope_wipes)
{
	freed_memory_watch("horse");
	{
		_cleanup_secret_ struct secret s = {0};
		_cleanup_erase_ char *text = strdup(PATTERN);

		ck_assert_ptr_nonnull(text);
		ck_assert_int_eq(secret_puts(&s, PATTERN), 0);
	}
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_the_watch_sees_a_block_that_is_not_wiped,
	    test_an_empty_buffer_is_an_empty_string,
	    test_stays_terminated_at_every_length,
	    test_holds_nul_bytes,
	    test_formats_text_of_any_length,
	    test_formats_up_to_the_edge_of_its_room,
	    test_reserve_makes_room_that_appending_uses,
	    test_refuses_impossible_sizes_and_keeps_the_contents,
	    test_consume_takes_from_the_front,
	    test_clear_wipes_and_keeps_the_memory,
	    test_done_wipes,
	    test_done_wipes_behind_what_was_consumed_and_cleared,
	    test_growth_wipes_the_old_block,
	    test_free_string_wipes,
	    test_scope_wipes,
	};

	return check_program("secret", tests, ELEMENTSOF(tests));
}
