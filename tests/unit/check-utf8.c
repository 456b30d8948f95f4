/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: exactly what RFC 3629 section 4 allows. Inputs lie in blocks of their very
 * length, so that a sanitizer sees a read behind the end. */

#include "utf8.h"

#include <string.h>

#include "check-program.h"
#include "macro.h"

static size_t sequence(const char *bytes, size_t len)
{
	_cleanup_free_ char *exact = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, bytes, len);
	return utf8_sequence(exact, len);
}

START_TEST(test_every_code_point_is_well_formed)
{
	char text[4];

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t n, want = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		n = utf8_encode(c, text);
		/* a million assertions would take a second */
		if (n != want || utf8_sequence(text, n) != n)
			ck_abort_msg("U+%04X: %zu bytes", (unsigned)c, n);
	}
}
END_TEST

START_TEST(test_encodes_as_the_table_says)
{
	static const struct {
		uint32_t c;
		const char *want;
	} rows[] = {
	    {0x41, "A"},
	    {0x7f, "\x7f"},
	    {0x80, "\xc2\x80"},
	    {0x7ff, "\xdf\xbf"},
	    {0x800, "\xe0\xa0\x80"},
	    {0x20ac, "\xe2\x82\xac"},
	    {0xd7ff, "\xed\x9f\xbf"},
	    {0xe000, "\xee\x80\x80"},
	    {0xffff, "\xef\xbf\xbf"},
	    {0x10000, "\xf0\x90\x80\x80"},
	    {0x1f4e7, "\xf0\x9f\x93\xa7"},
	    {0x10ffff, "\xf4\x8f\xbf\xbf"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char text[4];
		size_t n = utf8_encode(rows[i].c, text);

		ck_assert_msg(
		    n == strlen(rows[i].want) && memcmp(text, rows[i].want, n) == 0,
		    "U+%04X: encodes otherwise", (unsigned)rows[i].c);
	}
}
END_TEST

START_TEST(test_refuses_ill_formed_sequences)
{
	static const struct {
		const char *label, *bytes;
	} rows[] = {
	    {"continuation alone", "\x80"},
	    {"last continuation alone", "\xbf"},
	    {"overlong slash, two", "\xc0\xaf"},
	    {"overlong slash, three", "\xe0\x80\xaf"},
	    {"overlong slash, four", "\xf0\x80\x80\xaf"},
	    {"overlong NUL", "\xc0\x80"},
	    {"C1", "\xc1\xbf"},
	    {"overlong, three", "\xe0\x9f\xbf"},
	    {"overlong, four", "\xf0\x8f\xbf\xbf"},
	    {"first surrogate", "\xed\xa0\x80"},
	    {"last surrogate", "\xed\xbf\xbf"},
	    {"surrogate pair (CESU-8)", "\xed\xa1\x8c\xed\xbe\xb4"},
	    {"above U+10FFFF", "\xf4\x90\x80\x80"},
	    {"F5", "\xf5\x80\x80\x80"},
	    {"five bytes", "\xf8\x88\x80\x80\x80"},
	    {"six bytes", "\xfc\x84\x80\x80\x80\x80"},
	    {"FE", "\xfe"},
	    {"FF", "\xff"},
	    {"Latin-1", "\xe4"},
	    {"letter for a continuation", "\xc3\x41"},
	    {"lead for a continuation", "\xe2\x82\xe2"},
	    {"third is none", "\xe2\x82\x41"},
	    {"fourth is none", "\xf0\x9f\x93\x41"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		size_t n = strlen(rows[i].bytes);

		ck_assert_msg(
		    sequence(rows[i].bytes, n) == 0, "%s: is accepted", rows[i].label);
		ck_assert_msg(!utf8_is_valid(rows[i].bytes, n), "%s: is accepted as text",
		    rows[i].label);
	}
}
END_TEST

START_TEST(test_refuses_what_is_cut_short)
{
	static const char *const rows[] = {
	    "\xc2\x80", "\xe2\x82\xac", "\xf0\x9f\x93\xa7"};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (size_t n = 0; n < strlen(rows[i]); n++)
			ck_assert_msg(sequence(rows[i], n) == 0,
			    "%zu of %zu bytes are accepted", n, strlen(rows[i]));
}
END_TEST

/* How many pairs of first bytes begin a sequence, by length; from RFC 3629 section 4. */
START_TEST(test_no_other_beginning_is_accepted)
{
	unsigned count[5] = {0};

	for (unsigned pair = 0; pair < 0x10000; pair++) {
		const char text[] = {(char)(pair >> 8), (char)pair, '\x80', '\x80'};

		count[utf8_sequence(text, sizeof(text))]++;
	}
	ck_assert_uint_eq(count[1], 128 * 256);
	ck_assert_uint_eq(count[2], 30 * 64);
	ck_assert_uint_eq(count[3], 32 + 12 * 64 + 32 + 2 * 64);
	ck_assert_uint_eq(count[4], 48 + 3 * 64 + 16);
}
END_TEST

START_TEST(test_validity_is_that_of_all_parts)
{
	ck_assert(utf8_is_valid("", 0));
	ck_assert(utf8_is_valid("a\0b", 3));
	ck_assert(utf8_is_valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xa7", 11));
	ck_assert(!utf8_is_valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xa7", 10));
	ck_assert(!utf8_is_valid("a\xff", 2));
	ck_assert(!utf8_is_valid("\xff"
				 "a",
	    2));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_every_code_point_is_well_formed,
	    test_encodes_as_the_table_says,
	    test_refuses_ill_formed_sequences,
	    test_refuses_what_is_cut_short,
	    test_no_other_beginning_is_accepted,
	    test_validity_is_that_of_all_parts,
	};

	return check_program("utf8", tests, ELEMENTSOF(tests));
}
