/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of keys and typed look-ups: what is read, and that no complaint ever shows a value. */

#include "properties.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "secret.h"

/* Stands for a secret in values that are refused. */
#define SECRET "hunter2"

static void add(struct properties *p, const char *text, const char *path)
{
	_cleanup_free_ char *why = NULL;
	int r = properties_add(p, text, strlen(text), path, &why);

	ck_assert_msg(r == 0, "'%s': %s", text, why);
}

/* A complaint about `key` of `path`: all that an operator needs and nothing secret. */
static void expect_complaint(
    const char *label, const char *why, const char *path, const char *key)
{
	ck_assert_msg(why && strstr(why, path) == why && strstr(why, key),
	    "%s: the reason is '%s'", label, why);
	ck_assert_msg(!strstr(why, SECRET), "%s: shows the value: '%s'", label, why);
}

START_TEST(test_refuses_what_is_no_object_of_keys)
{
	static const char *const rows[] = {"", " ", "[]", "\"" SECRET "\"", "1", "null",
	    "{\"a\":\"" SECRET "\"", "{\"a\":\"" SECRET "\",\"a\":1}",
	    "{\"a\":<" SECRET ">}", "{\"destinationConfiguration\":\"" SECRET "\"}",
	    "{\"destinationConfiguration\":[]}", "{\"destinationConfiguration\":null}"};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		int r = properties_add(&p, rows[i], strlen(rows[i]), "file.json", &why);

		ck_assert_msg(r == -EBADMSG && p.n == 0, "'%s': is accepted", rows[i]);
		expect_complaint(rows[i], why, "file.json", "");
	}
}
END_TEST

START_TEST(test_complaints_are_one_line_whatever_the_key)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *why = NULL;

	add(&p, "{}", "d/two\nlines.json");
	ck_assert_int_eq(
	    properties_complain(&p, "a\nb\x7f", &why, "is wrong"), -EINVAL);
	ck_assert_str_eq(why, "d/two?lines.json: key 'a?b?' is wrong");
}
END_TEST

START_TEST(test_syntax_errors_say_where)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *why = NULL;
	static const char text[] = "{\n  \"mail.smtp.port\": <port>\n}";

	ck_assert_int_eq(
	    properties_add(&p, text, strlen(text), "d/smtp.json", &why), -EBADMSG);
	ck_assert_str_eq(why, "d/smtp.json: has an unquoted <placeholder> where a value "
			      "belongs (line 2, column 21)");
}
END_TEST

START_TEST(test_upper_layers_win_key_by_key)
{
	_cleanup_properties_ struct properties p = {0};
	struct json_value v;
	const char *path = NULL;

	add(&p, "{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\"}", "bottom");
	add(&p, "{\"b\":\"2\",\"c\":\"2\"}", "middle");
	add(&p, "{\"c\":\"3\",\"d\":null}", "top");
	ck_assert(properties_find(&p, "a", &v, &path));
	ck_assert_str_eq(path, "bottom");
	ck_assert_str_eq(json_text(v), "1");
	ck_assert(properties_find(&p, "b", &v, &path));
	ck_assert_str_eq(path, "middle");
	ck_assert(properties_find(&p, "c", &v, NULL));
	ck_assert_str_eq(json_text(v), "3");
	ck_assert(!properties_find(&p, "e", &v, NULL));
	ck_assert(!properties_find(&p, "A", &v, NULL));
}
END_TEST

START_TEST(test_the_answer_of_a_destination_service_counts_as_its_configuration)
{
	_cleanup_properties_ struct properties p = {0};
	struct json_value v;

	add(&p,
	    "{\"owner\":{\"SubaccountId\":\"x\"},\"destinationConfiguration\":"
	    "{\"Type\":\"MAIL\"},\"authTokens\":[{\"value\":\"t\"}]}",
	    "answer");
	ck_assert(properties_find(&p, "Type", &v, NULL));
	ck_assert(!properties_find(&p, "owner", &v, NULL));
	ck_assert(!properties_find(&p, "authTokens", &v, NULL));
}
END_TEST

START_TEST(test_layers_are_bounded)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *why = NULL;

	for (unsigned i = 0; i < PROPERTIES_LAYERS_MAX; i++)
		add(&p, "{}", "layer");
	ck_assert_int_lt(properties_add(&p, "{}", 2, "layer", &why), 0);
	ck_assert_uint_eq(p.n, PROPERTIES_LAYERS_MAX);
}
END_TEST

START_TEST(test_strings)
{
	static const struct {
		const char *label, *json;
		int want;
		const char *text;
	} rows[] = {
	    {"string", "{\"k\":\"text\"}", 1, "text"},
	    {"empty", "{\"k\":\"\"}", 1, ""},
	    {"number", "{\"k\":587}", 1, "587"},
	    {"boolean", "{\"k\":true}", 1, "true"},
	    {"UTF-8", "{\"k\":\"gr\xc3\xbc\xc3\x9f\"}", 1, "gr\xc3\xbc\xc3\x9f"},
	    {"less-than alone", "{\"k\":\"a<b\"}", 1, "a<b"},
	    {"greater-than first", "{\"k\":\"a>b<c\"}", 1, "a>b<c"},
	    {"absent", "{}", 0, NULL},
	    {"null", "{\"k\":null}", 0, NULL},
	    {"object", "{\"k\":{\"" SECRET "\":1}}", -EINVAL, NULL},
	    {"array", "{\"k\":[\"" SECRET "\"]}", -EINVAL, NULL},
	    {"placeholder", "{\"k\":\"<" SECRET ">\"}", -EINVAL, NULL},
	    {"placeholder inside", "{\"k\":\"x.<" SECRET ">.y\"}", -EINVAL, NULL},
	    {"line break", "{\"k\":\"" SECRET "\\n\"}", -EINVAL, NULL},
	    {"SOH", "{\"k\":\"" SECRET "\\u0001auth=\"}", -EINVAL, NULL},
	    {"DEL", "{\"k\":\"" SECRET "\x7f\"}", -EINVAL, NULL},
	    {"tab", "{\"k\":\"" SECRET "\\t\"}", -EINVAL, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		const char *text = NULL;
		int r;

		add(&p, rows[i].json, "file");
		r = properties_string(&p, "k", &text, &why);
		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_pstr_eq(text, rows[i].text);
		if (r < 0)
			expect_complaint(rows[i].label, why, "file: ", "'k'");
		else
			ck_assert_ptr_null(why);
	}
}
END_TEST

START_TEST(test_secrets_may_hold_what_looks_like_a_placeholder)
{
	static const struct {
		const char *label, *json;
		int want;
		const char *text;
	} rows[] = {
	    {"brackets inside", "{\"k\":\"a<b>c\"}", 1, "a<b>c"},
	    {"brackets alone", "{\"k\":\"<>\"}", 1, "<>"},
	    {"starts like one", "{\"k\":\"<b\"}", 1, "<b"},
	    {"control character", "{\"k\":\"a\\tb\"}", 1, "a\tb"},
	    {"empty", "{\"k\":\"\"}", 1, ""},
	    {"number", "{\"k\":12345}", 1, "12345"},
	    {"placeholder", "{\"k\":\"<" SECRET ">\"}", -EINVAL, NULL},
	    {"object", "{\"k\":{\"" SECRET "\":1}}", -EINVAL, NULL},
	    {"null", "{\"k\":null}", 0, NULL},
	    {"absent", "{}", 0, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		const char *text = NULL;
		int r;

		add(&p, rows[i].json, "file");
		r = properties_secret(&p, "k", &text, &why);
		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_pstr_eq(text, rows[i].text);
		if (r < 0)
			expect_complaint(rows[i].label, why, "file: ", "'k'");
	}
}
END_TEST

START_TEST(test_booleans)
{
	static const struct {
		const char *json;
		int want;
		bool value;
	} rows[] = {
	    {"{\"k\":true}", 1, true},
	    {"{\"k\":false}", 1, false},
	    {"{\"k\":\"true\"}", 1, true},
	    {"{\"k\":\"TRUE\"}", 1, true},
	    {"{\"k\":\"False\"}", 1, false},
	    {"{\"k\":\"\"}", -EINVAL, true},
	    {"{\"k\":\"yes\"}", -EINVAL, true},
	    {"{\"k\":\"true \"}", -EINVAL, true},
	    {"{\"k\":1}", -EINVAL, true},
	    {"{\"k\":\"0\"}", -EINVAL, true},
	    {"{\"k\":[true]}", -EINVAL, true},
	    {"{\"k\":null}", 0, true},
	    {"{}", 0, true},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		bool value = true;
		int r;

		add(&p, rows[i].json, "file");
		r = properties_boolean(&p, "k", &value, &why);
		ck_assert_msg(r == rows[i].want && value == rows[i].value, "%s: %d, %d",
		    rows[i].json, r, value);
	}
}
END_TEST

START_TEST(test_numbers)
{
	static const struct {
		const char *json;
		int want;
		int64_t value;
	} rows[] = {
	    {"{\"k\":1}", 1, 1},
	    {"{\"k\":\"1\"}", 1, 1},
	    {"{\"k\":65535}", 1, 65535},
	    {"{\"k\":\"65535\"}", 1, 65535},
	    {"{\"k\":0}", -EINVAL, 0},
	    {"{\"k\":65536}", -EINVAL, 0},
	    {"{\"k\":70000}", -EINVAL, 0},
	    {"{\"k\":-1}", -EINVAL, 0},
	    {"{\"k\":\"\"}", -EINVAL, 0},
	    {"{\"k\":\"abc\"}", -EINVAL, 0},
	    {"{\"k\":\"12abc\"}", -EINVAL, 0},
	    {"{\"k\":\" 12\"}", -EINVAL, 0},
	    {"{\"k\":\"12 \"}", -EINVAL, 0},
	    {"{\"k\":\"+12\"}", -EINVAL, 0},
	    {"{\"k\":\"0x12\"}", -EINVAL, 0},
	    {"{\"k\":12.0}", -EINVAL, 0},
	    {"{\"k\":1e2}", -EINVAL, 0},
	    {"{\"k\":18446744073709551617}", -EINVAL, 0},
	    {"{\"k\":true}", -EINVAL, 0},
	    {"{\"k\":[1]}", -EINVAL, 0},
	    {"{\"k\":null}", 0, 0},
	    {"{}", 0, 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		int64_t value = 0;
		int r;

		add(&p, rows[i].json, "file");
		r = properties_number(&p, "k", 1, 65535, &value, &why);
		ck_assert_msg(r == rows[i].want && value == rows[i].value,
		    "%s: %d, %" PRId64, rows[i].json, r, value);
	}
}
END_TEST

START_TEST(test_complaints_name_the_file_that_the_value_is_from)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *first = NULL, *second = NULL;

	add(&p, "{\"k\":\"1\"}", "below");
	add(&p, "{\"k\":\"abc\"}", "above");
	ck_assert_int_eq(properties_complain(&p, "k", &first, "is %s", "odd"), -EINVAL);
	ck_assert_str_eq(first, "above: key 'k' is odd");
	ck_assert_int_eq(properties_complain(&p, "no", &second, "is missing"), -EINVAL);
	ck_assert_str_eq(second, "below: key 'no' is missing");
}
END_TEST

START_TEST(test_keys_with_a_prefix_come_once_each)
{
	_cleanup_properties_ struct properties p = {0};
	static const struct {
		const char *key, *name, *value;
	} want[] = {
	    {"q.a", "a", "1"},
	    {"q.b", "b", "2"},
	    {"q.c.d", "c.d", "2"},
	    {"q.e", "e", "3"},
	};
	const char *key, *name;
	int position = 0;
	size_t n = 0;

	add(&p, "{\"q.a\":1,\"q.b\":1,\"q.\":1,\"q\":1,\"Q.x\":1,\"q.e\":1}", "1");
	add(&p, "{\"x\":2,\"q.b\":2,\"q.c.d\":2}", "2");
	add(&p, "{\"q.e\":3}", "3");
	while (properties_next(&p, "q.", &position, &key, &name)) {
		struct json_value v;

		ck_assert_uint_lt(n, ELEMENTSOF(want));
		ck_assert_str_eq(key, want[n].key);
		ck_assert_str_eq(name, want[n].name);
		ck_assert(properties_find(&p, key, &v, NULL));
		ck_assert_str_eq(json_text(v), want[n++].value);
	}
	ck_assert_uint_eq(n, ELEMENTSOF(want));
}
END_TEST

START_TEST(test_all_of_many_keys_come)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_secret_ struct secret text = {0};
	const char *key, *name;
	int position = 0;
	unsigned n = 0;

	ck_assert_int_eq(secret_puts(&text, "{\"q.0\":0"), 0);
	for (unsigned i = 1; i < 3000; i++)
		ck_assert_int_eq(secret_printf(&text, ",\"q.%u\":0", i), 0);
	ck_assert_int_eq(secret_puts(&text, "}"), 0);
	add(&p, "{}", "empty");
	add(&p, text.data, "many");
	while (properties_next(&p, "q.", &position, &key, &name))
		n++;
	ck_assert_uint_eq(n, 3000);
}
END_TEST

START_TEST(test_layers_are_wiped)
{
	struct properties p = {0};
	_cleanup_free_ char *why = NULL;

	freed_memory_watch(SECRET);
	add(&p, "{\"k\":\"" SECRET "\"}", "file");
	properties_done(&p);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	ck_assert_int_eq(
	    properties_add(&p, "[\"" SECRET "\"]", 11, "file", &why), -EBADMSG);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_refuses_what_is_no_object_of_keys,
	    test_complaints_are_one_line_whatever_the_key,
	    test_syntax_errors_say_where,
	    test_upper_layers_win_key_by_key,
	    test_the_answer_of_a_destination_service_counts_as_its_configuration,
	    test_layers_are_bounded,
	    test_strings,
	    test_secrets_may_hold_what_looks_like_a_placeholder,
	    test_booleans,
	    test_numbers,
	    test_complaints_name_the_file_that_the_value_is_from,
	    test_keys_with_a_prefix_come_once_each,
	    test_all_of_many_keys_come,
	    test_layers_are_wiped,
	};

	return check_program("properties", tests, ELEMENTSOF(tests));
}
