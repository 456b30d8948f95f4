/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of RFC 8259: nothing of what jsmn and other lenient readers let pass. */

#include "json-scan.h"

#include <stdint.h>
#include <string.h>

#include "check-program.h"
#include "json.h"
#include "repeated-text.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

struct row {
	const char *label, *text;
	size_t len;
};

static void refuse_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *exact = malloc(rows[i].len + 1);
		const char *reason = NULL;
		size_t at = SIZE_MAX;

		/* without a NUL behind, so that a sanitizer sees a read too far */
		ck_assert_ptr_nonnull(exact);
		memcpy(exact + 1, rows[i].text, rows[i].len);
		ck_assert_msg(!json_scan(exact + 1, rows[i].len, &at, &reason),
		    "%s: is accepted", rows[i].label);
		ck_assert_msg(reason && *reason && at <= rows[i].len,
		    "%s: has no reason or place", rows[i].label);
	}
}

START_TEST(test_refuses_the_shapes_that_jsmn_accepts)
{
	static const struct row rows[] = {
	    {"key alone", BYTES("{\"a\"}")},
	    {"two keys", BYTES("{\"a\" \"b\"}")},
	    {"no value", BYTES("{\"a\":}")},
	    {"no value, then a comma", BYTES("{\"a\":,\"b\":1}")},
	    {"two colons", BYTES("{\"a\"::1}")},
	    {"comma at the end", BYTES("{\"a\":1,}")},
	    {"comma alone", BYTES("{,}")},
	    {"comma at the start", BYTES("{,\"a\":1}")},
	    {"two commas", BYTES("{\"a\":1,,\"b\":2}")},
	    {"comma for a colon", BYTES("{\"a\",1}")},
	    {"value chained", BYTES("{\"a\":1:2}")},
	    {"two values", BYTES("{\"a\":1 2}")},
	    {"no comma", BYTES("{\"a\":1 \"b\":2}")},
	    {"number for a key", BYTES("{1:2}")},
	    {"object for a key", BYTES("{{}:1}")},
	    {"array for a key", BYTES("{[]:1}")},
	    {"word for a key", BYTES("{true:1}")},
	    {"bare word for a key", BYTES("{a:1}")},
	    {"quotes of the wrong kind", BYTES("{'a':1}")},
	    {"array without comma", BYTES("[1 2]")},
	    {"array with a comma at the end", BYTES("[1,]")},
	    {"array of a comma", BYTES("[,]")},
	    {"array with a pair", BYTES("[\"a\":1]")},
	    {"colon alone", BYTES(":")},
	    {"comma at the root", BYTES("{},")},
	    {"two roots", BYTES("{}{}")},
	    {"two roots, spaced", BYTES("{} {}")},
	    {"two scalars", BYTES("1 2")},
	    {"something behind", BYTES("{}x")},
	    {"NUL behind", BYTES("{}\0")},
	    {"closed by the other bracket", BYTES("{\"a\":1]")},
	    {"array closed by the other", BYTES("[1}")},
	    {"closing too much", BYTES("{}}")},
	    {"closing alone", BYTES("]")},
	};

	refuse_all(rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_refuses_values_that_are_none)
{
	static const struct row rows[] = {
	    {"nothing", BYTES("")},
	    {"spaces", BYTES(" \t\r\n")},
	    {"NUL", BYTES("\0")},
	    {"byte order mark", BYTES("\xef\xbb\xbf{}")},
	    {"form feed as space", BYTES("{\f}")},
	    {"no-break space", BYTES("{\xc2\xa0}")},
	    {"comment", BYTES("{} // done")},
	    {"comment inside", BYTES("{/* */}")},
	    {"truex", BYTES("{\"a\":truex}")},
	    {"tru", BYTES("{\"a\":tru}")},
	    {"TRUE", BYTES("{\"a\":TRUE}")},
	    {"nul", BYTES("[nul]")},
	    {"nulll", BYTES("[nulll]")},
	    {"NaN", BYTES("[NaN]")},
	    {"Infinity", BYTES("[Infinity]")},
	    {"-Infinity", BYTES("[-Infinity]")},
	    {"undefined", BYTES("[undefined]")},
	    {"minus", BYTES("{\"a\":-}")},
	    {"plus", BYTES("[+1]")},
	    {"leading zero", BYTES("{\"a\":01}")},
	    {"leading zero, negative", BYTES("[-01]")},
	    {"no digit before the dot", BYTES("[.5]")},
	    {"no digit behind the dot", BYTES("[1.]")},
	    {"no exponent", BYTES("[1e]")},
	    {"signed exponent without digits", BYTES("[1e+]")},
	    {"two dots", BYTES("[1.2.3]")},
	    {"hexadecimal", BYTES("[0x10]")},
	    {"digits grouped", BYTES("[1_000]")},
	    {"minus minus", BYTES("[--1]")},
	    {"number ends the text", BYTES("-")},
	};

	refuse_all(rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_refuses_strings_that_are_none)
{
	static const struct row rows[] = {
	    {"not closed", BYTES("\"a")},
	    {"escape ends the text", BYTES("\"\\")},
	    {"escaped quote ends the text", BYTES("\"\\\"")},
	    {"unknown escape", BYTES("\"\\x41\"")},
	    {"escaped apostrophe", BYTES("\"\\'\"")},
	    {"upper-case escape", BYTES("\"\\N\"")},
	    {"escaped line break", BYTES("\"\\\n\"")},
	    {"escaped NUL byte", BYTES("\"\\\0\"")},
	    {"raw NUL", BYTES("\"a\0b\"")},
	    {"raw line break", BYTES("\"a\nb\"")},
	    {"raw tab", BYTES("\"a\tb\"")},
	    {"raw unit separator", BYTES("\"\x1f\"")},
	    {"NUL, escaped", BYTES("\"\\u0000\"")},
	    {"NUL in a key", BYTES("{\"a\\u0000b\":1}")},
	    {"three digits", BYTES("\"\\u041\"")},
	    {"three digits end the text", BYTES("\"\\u041")},
	    {"no digits", BYTES("\"\\u\"")},
	    {"no hexadecimal digit", BYTES("\"\\u00g0\"")},
	    {"signed digits", BYTES("\"\\u+041\"")},
	    {"high surrogate alone", BYTES("\"\\ud83d\"")},
	    {"high surrogate, then a letter", BYTES("\"\\ud83dx\"")},
	    {"high surrogate, then an escape", BYTES("\"\\ud83d\\n\"")},
	    {"high surrogate ends the text", BYTES("\"\\ud83d\\")},
	    {"two high surrogates", BYTES("\"\\ud83d\\ud83d\"")},
	    {"low surrogate alone", BYTES("\"\\udce7\"")},
	    {"pair in the wrong order", BYTES("\"\\udce7\\ud83d\"")},
	    {"high surrogate, then no surrogate", BYTES("\"\\ud83d\\u0041\"")},
	    {"Latin-1", BYTES("\"\xe4\"")},
	    {"overlong slash", BYTES("\"\xc0\xaf\"")},
	    {"surrogate in UTF-8", BYTES("\"\xed\xa0\xbd\"")},
	    {"UTF-8 cut by the quote", BYTES("\"\xe2\x82\"")},
	    {"UTF-8 cut by the end", BYTES("\"\xe2\x82")},
	    {"bad UTF-8 in a key", BYTES("{\"\xff\":1}")},
	};

	refuse_all(rows, ELEMENTSOF(rows));
}
END_TEST

/* Whether `depth` containers in each other are accepted. */
static bool scan_nested(const char *open, const char *close, unsigned depth)
{
	_cleanup_secret_ struct secret s = {0};
	const char *reason;
	size_t at;

	repeated_text(&s, open, depth);
	repeated_text(&s, "1", 1);
	repeated_text(&s, close, depth);
	return json_scan(s.data, s.len, &at, &reason);
}

START_TEST(test_depth_is_bounded)
{
	static const struct {
		const char *open, *close;
	} rows[] = {{"[", "]"}, {"{\"a\":", "}"}, {"[{\"a\":", "}]"}};
	static const char siblings[] =
	    "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]";
	const char *reason;
	size_t at;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		unsigned depth = i < 2 ? JSON_DEPTH_MAX : JSON_DEPTH_MAX / 2;

		ck_assert(scan_nested(rows[i].open, rows[i].close, depth));
		ck_assert(!scan_nested(rows[i].open, rows[i].close, depth + 1));
		ck_assert(!scan_nested(rows[i].open, rows[i].close, 200000));
		ck_assert(!scan_nested(rows[i].open, "", 200000));
	}
	ck_assert(json_scan(siblings, strlen(siblings), &at, &reason));
}
END_TEST

START_TEST(test_unescapes_in_place)
{
	static const struct {
		const char *escaped, *want;
	} rows[] = {
	    {"", ""},
	    {"plain", "plain"},
	    {"a\\nb", "a\nb"},
	    {"\\\\n", "\\n"},
	    {"\\u20ac\\ud83d\\udce7.", "\xe2\x82\xac\xf0\x9f\x93\xa7."},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *text = strdup(rows[i].escaped);
		size_t n;

		ck_assert_ptr_nonnull(text);
		n = json_unescape(text, strlen(text));
		ck_assert_msg(
		    n == strlen(rows[i].want) && strncmp(text, rows[i].want, n) == 0,
		    "'%s'", rows[i].escaped);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_refuses_the_shapes_that_jsmn_accepts,
	    test_refuses_values_that_are_none,
	    test_refuses_strings_that_are_none,
	    test_depth_is_bounded,
	    test_unescapes_in_place,
	};

	return check_program("json-scan", tests, ELEMENTSOF(tests));
}
