/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON: what goes out is what json.c reads back. */

#include "json-writer.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "json.h"
#include "utf8.h"

START_TEST(test_writes_nested_values)
{
	_cleanup_secret_ struct secret out = {0};
	struct json_writer w = {.out = &out};

	json_writer_open(&w, NULL, '{');
	json_writer_string(&w, "method", "io.maildest.Helper.GetToken");
	json_writer_open(&w, "parameters", '{');
	json_writer_integer(&w, "n", -42);
	json_writer_boolean(&w, "yes", true);
	json_writer_open(&w, "list", '[');
	json_writer_string(&w, NULL, "a");
	json_writer_open(&w, NULL, '{');
	json_writer_close(&w, '}');
	json_writer_integer(&w, NULL, 0);
	json_writer_boolean(&w, NULL, false);
	json_writer_close(&w, ']');
	json_writer_open(&w, "empty", '[');
	json_writer_close(&w, ']');
	json_writer_close(&w, '}');
	json_writer_string(&w, "last", "");
	json_writer_close(&w, '}');
	ck_assert_int_eq(json_writer_end(&w), 0);
	ck_assert_str_eq(out.data,
	    "{\"method\":\"io.maildest.Helper.GetToken\",\"parameters\":{\"n\":-42,"
	    "\"yes\":true,\"list\":[\"a\",{},0,false],\"empty\":[]},\"last\":\"\"}");
}
END_TEST

START_TEST(test_integers_of_any_size)
{
	_cleanup_secret_ struct secret out = {0};
	struct json_writer w = {.out = &out};

	json_writer_open(&w, NULL, '[');
	json_writer_integer(&w, NULL, INT64_MIN);
	json_writer_integer(&w, NULL, INT64_MAX);
	json_writer_close(&w, ']');
	ck_assert_int_eq(json_writer_end(&w), 0);
	ck_assert_str_eq(out.data, "[-9223372036854775808,9223372036854775807]");
}
END_TEST

START_TEST(test_escapes_what_must_be_escaped)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
	    {"", "\"\""},
	    {"plain", "\"plain\""},
	    {"say \"hi\"", "\"say \\\"hi\\\"\""},
	    {"back\\slash", "\"back\\\\slash\""},
	    {"\n", "\"\\u000a\""},
	    {"a\001b\037c", "\"a\\u0001b\\u001fc\""},
	    {"/", "\"/\""},
	    {"\x7f", "\"\x7f\""},
	    {"\xc3\xa4\xf0\x9f\x93\xa7", "\"\xc3\xa4\xf0\x9f\x93\xa7\""},
	    {"\"\\\"", "\"\\\"\\\\\\\"\""},
	    {"\",\"forged\":\"", "\"\\\",\\\"forged\\\":\\\"\""},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};
		struct json_writer w = {.out = &out};

		json_writer_string(&w, NULL, rows[i].value);
		ck_assert_int_eq(json_writer_end(&w), 0);
		ck_assert_str_eq(out.data, rows[i].want);
	}
}
END_TEST

/* Every code point, as key and as value, comes back as it was. */
START_TEST(test_everything_comes_back)
{
	for (uint32_t c = 1; c <= 0x10ffff; c += c < 0x3000 ? 1 : 257) {
		_cleanup_secret_ struct secret out = {0};
		_cleanup_json_ struct json *json = NULL;
		struct json_writer w = {.out = &out};
		struct json_value v;
		char text[5] = "";

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		utf8_encode(c, text);
		json_writer_open(&w, NULL, '{');
		json_writer_string(&w, text, text);
		json_writer_close(&w, '}');
		ck_assert_int_eq(json_writer_end(&w), 0);
		ck_assert_int_eq(json_parse(out.data, out.len, &json, NULL), 0);
		ck_assert(json_find(json_root(json), text, &v));
		ck_assert_str_eq(json_string(v), text);
	}
}
END_TEST

START_TEST(test_refuses_bad_utf8_and_remembers_it)
{
	static const char *const bad[] = {
	    "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80"};

	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		_cleanup_secret_ struct secret out = {0};
		struct json_writer w = {.out = &out};
		size_t len;

		json_writer_open(&w, NULL, '{');
		json_writer_string(&w, i % 2 ? bad[i] : "key", i % 2 ? "value" : bad[i]);
		ck_assert_int_eq(json_writer_end(&w), -EILSEQ);
		len = out.len;
		json_writer_string(&w, "more", "text");
		json_writer_integer(&w, "n", 1);
		json_writer_boolean(&w, "b", true);
		json_writer_close(&w, '}');
		ck_assert_int_eq(json_writer_end(&w), -EILSEQ);
		ck_assert_uint_eq(out.len, len);
		ck_assert_ptr_null(memmem(out.data, out.len, bad[i], strlen(bad[i])));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_writes_nested_values,
	    test_integers_of_any_size,
	    test_escapes_what_must_be_escaped,
	    test_everything_comes_back,
	    test_refuses_bad_utf8_and_remembers_it,
	};

	return check_program("json-writer", tests, ELEMENTSOF(tests));
}
