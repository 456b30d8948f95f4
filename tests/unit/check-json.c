/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents: what is accepted, within our bounds, and what they then hold; what the
 * grammar refuses is in check-json-scan.c. Texts lie in blocks of their very length,
 * without a NUL behind, so that a sanitizer sees a read too far. */

#include "json.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "repeated-text.h"
#include "secret.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

static int parse(
    const char *text, size_t len, struct json **ret, struct json_error *error)
{
	_cleanup_free_ char *exact = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, text, len);
	return json_parse(exact, len, ret, error);
}

static struct json *parse_good(const char *text)
{
	struct json_error error = {0};
	struct json *json = NULL;
	int r = parse(text, strlen(text), &json, &error);

	ck_assert_msg(r == 0, "'%s': %s", text, error.reason);
	return json;
}

struct row {
	const char *label, *text;
	size_t len;
};

static void refuse_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct json_error error = {0};
		struct json *json = NULL;
		int r = parse(rows[i].text, rows[i].len, &json, &error);

		ck_assert_msg(
		    r == -EBADMSG && !json, "%s: is accepted (%d)", rows[i].label, r);
		ck_assert_msg(
		    error.reason && *error.reason && error.line > 0 && error.column > 0,
		    "%s: has no reason or place", rows[i].label);
		ck_assert_int_eq(parse(rows[i].text, rows[i].len, &json, NULL), -EBADMSG);
	}
}

START_TEST(test_accepts_what_the_grammar_allows)
{
	static const struct {
		const char *text;
		enum json_type type;
	} rows[] = {
	    {"{}", JSON_OBJECT},
	    {"[]", JSON_ARRAY},
	    {" \t\r\n{ } \n", JSON_OBJECT},
	    {"[[],{},[{}]]", JSON_ARRAY},
	    {"\"\"", JSON_STRING},
	    {"\"text\"", JSON_STRING},
	    {"true", JSON_BOOLEAN},
	    {"false", JSON_BOOLEAN},
	    {"null", JSON_NULL},
	    {"0", JSON_NUMBER},
	    {"-0", JSON_NUMBER},
	    {"42", JSON_NUMBER},
	    {" 42 ", JSON_NUMBER},
	    {"-1.5e+10", JSON_NUMBER},
	    {"0.0", JSON_NUMBER},
	    {"1E9", JSON_NUMBER},
	    {"0e-1", JSON_NUMBER},
	    {"{\"\":\"\"}", JSON_OBJECT},
	    {"{\"a\" : 1 , \"b\" : [ 1 , 2 ] }", JSON_OBJECT},
	    {"{\"a\":{\"a\":{\"a\":1}}}", JSON_OBJECT},
	    {"[{\"a\":1},{\"a\":2}]", JSON_ARRAY},
	    {"{\"a\":\"{\\\"b\\\":[}\"}", JSON_OBJECT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_json_ struct json *json = parse_good(rows[i].text);

		ck_assert_msg(json_type(json_root(json)) == rows[i].type,
		    "'%s': has another type", rows[i].text);
	}
}
END_TEST

START_TEST(test_decodes_strings)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"\"\"", ""},
	    {"\"plain\"", "plain"},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	    {"\"\\u0041\\u00e4\\u00E4\\u20ac\"", "A\xc3\xa4\xc3\xa4\xe2\x82\xac"},
	    {"\"\\u0001\\u001f\\u007f\"", "\x01\x1f\x7f"},
	    {"\"\\ud83d\\udce7\"", "\xf0\x9f\x93\xa7"},
	    {"\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	    {"\"\\ud7ff\\ue000\\uffff\"", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"},
	    {"\"\xc3\xa4 \xf0\x9f\x93\xa7\"", "\xc3\xa4 \xf0\x9f\x93\xa7"},
	    {"\"\x7f\"", "\x7f"},
	    {"\"\\\\u0041\"", "\\u0041"},
	    {"\"\\\\\\\\\"", "\\\\"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_json_ struct json *json = parse_good(rows[i].text);

		ck_assert_str_eq(json_string(json_root(json)), rows[i].want);
		ck_assert_str_eq(json_text(json_root(json)), rows[i].want);
	}
}
END_TEST

/* Decoding ends each string where its neighbour begins: neither may suffer. */
START_TEST(test_neighbours_stay_apart)
{
	_cleanup_json_ struct json *json =
	    parse_good("{\"a\\n\":\"b\\u00e4\",\"c\":1,\"d\":[true,\"\\\"\",null,-2]}");
	struct json_value v, e;
	int position = 0;
	int64_t n;

	ck_assert(json_find(json_root(json), "a\n", &v));
	ck_assert_str_eq(json_string(v), "b\xc3\xa4");
	ck_assert(json_find(json_root(json), "c", &v));
	ck_assert_str_eq(json_text(v), "1");
	ck_assert(json_find(json_root(json), "d", &v));
	ck_assert_uint_eq(json_length(v), 4);
	ck_assert(json_next_element(v, &position, &e));
	ck_assert_str_eq(json_text(e), "true");
	ck_assert(json_next_element(v, &position, &e));
	ck_assert_str_eq(json_text(e), "\"");
	ck_assert(json_next_element(v, &position, &e));
	ck_assert_int_eq(json_type(e), JSON_NULL);
	ck_assert_ptr_null(json_text(e));
	ck_assert(json_next_element(v, &position, &e));
	ck_assert(json_integer(e, &n));
	ck_assert_int_eq(n, -2);
	ck_assert(!json_next_element(v, &position, &e));
}
END_TEST

START_TEST(test_refuses_a_key_given_twice)
{
	static const struct row rows[] = {
	    {"at the root", BYTES("{\"a\":1,\"a\":1}")},
	    {"not next to each other", BYTES("{\"a\":1,\"b\":2,\"a\":3}")},
	    {"one escaped", BYTES("{\"a\":1,\"\\u0061\":2}")},
	    {"escaped in two ways", BYTES("{\"\\n\":1,\"\\u000a\":2}")},
	    {"empty", BYTES("{\"\":1,\"\":2}")},
	    {"one level down", BYTES("{\"x\":{\"a\":1,\"a\":2}}")},
	    {"in an array", BYTES("[1,{\"a\":1,\"a\":2}]")},
	    {"behind nested values", BYTES("{\"a\":{\"b\":[{}]},\"c\":[],\"a\":0}")},
	    {"in the last of many",
		BYTES("[{\"a\":1},{\"a\":1},{\"b\":{\"c\":0,\"c\":0}}]")},
	    {"deep", BYTES("[[[[[[[[[[{\"a\":1,\"a\":2}]]]]]]]]]]")},
	};

	refuse_all(rows, ELEMENTSOF(rows));
	json_free(parse_good("{\"a\":{\"a\":{\"a\":[\"a\",\"a\"]}},\"A\":1,\"a \":2}"));
}
END_TEST

/* `n` values and the array that holds them. */
static int parse_array_of(unsigned n)
{
	_cleanup_secret_ struct secret s = {0};
	struct json *json = NULL;
	int r;

	ck_assert_int_eq(secret_puts(&s, "[0"), 0);
	repeated_text(&s, ",0", n - 1);
	ck_assert_int_eq(secret_puts(&s, "]"), 0);
	r = parse(s.data, s.len, &json, NULL);
	if (r == 0)
		ck_assert_uint_eq(json_length(json_root(json)), n);
	json_free(json);
	return r;
}

START_TEST(test_number_of_values_is_bounded)
{
	ck_assert_int_eq(parse_array_of(JSON_TOKENS_MAX - 1), 0);
	ck_assert_int_eq(parse_array_of(JSON_TOKENS_MAX), -EBADMSG);
	ck_assert_int_eq(parse_array_of(200000), -EBADMSG);
}
END_TEST

START_TEST(test_a_huge_string_is_one_value)
{
	_cleanup_secret_ struct secret s = {0};
	_cleanup_json_ struct json *json = NULL;

	ck_assert_int_eq(secret_puts(&s, "[\""), 0);
	repeated_text(&s, "\\u20ac", 100000);
	ck_assert_int_eq(secret_puts(&s, "\"]"), 0);
	ck_assert_int_eq(parse(s.data, s.len, &json, NULL), 0);
	ck_assert_uint_eq(strlen(json_string((struct json_value){json, 1})),
	    100000 * strlen("\xe2\x82\xac"));
}
END_TEST

START_TEST(test_finds_duplicates_among_many_keys)
{
	_cleanup_secret_ struct secret s = {0};
	struct json *json = NULL;

	ck_assert_int_eq(secret_puts(&s, "{\"k0\":0"), 0);
	for (unsigned i = 1; i < 4000; i++)
		ck_assert_int_eq(secret_printf(&s, ",\"k%u\":0", i), 0);
	ck_assert_int_eq(secret_puts(&s, "}"), 0);
	ck_assert_int_eq(parse(s.data, s.len, &json, NULL), 0);
	json_free(json);
	s.data[s.len - 1] = ',';
	ck_assert_int_eq(secret_puts(&s, "\"k1234\":0}"), 0);
	ck_assert_int_eq(parse(s.data, s.len, &json, NULL), -EBADMSG);
}
END_TEST

static const char sample[] = "{\"Name\": \"smtp\", \"mail.smtp.port\": 587,\n"
			     " \"x\": [true, false, null, -1.5e3, \"\\ud83d\\udce7\"],\n"
			     " \"\xc3\xa4\": {\"y\": {}, \"z\": []}}";

START_TEST(test_a_text_cut_anywhere_is_refused)
{
	struct json *json = NULL;

	for (size_t n = 0; n < strlen(sample); n++)
		ck_assert_msg(parse(sample, n, &json, NULL) == -EBADMSG,
		    "the first %zu bytes are accepted", n);
	ck_assert_int_eq(parse(sample, strlen(sample), &json, NULL), 0);
	json_free(json);
}
END_TEST

/* Touches everything that a parsed document offers. */
static unsigned walk(struct json_value v)
{
	int position = 0;
	unsigned values = 1;
	struct json_value inner;
	const char *key;
	int64_t number;
	bool boolean;

	if (json_text(v))
		values += strlen(json_text(v)) > 100000;
	(void)json_integer(v, &number);	 /* whether it is one does not matter here */
	(void)json_boolean(v, &boolean); /* likewise */
	while (json_next_member(v, &position, &key, &inner))
		values += strlen(key) < 100000 ? walk(inner) : 0;
	position = 0;
	while (json_next_element(v, &position, &inner))
		values += walk(inner);
	return values;
}

START_TEST(test_no_change_of_a_byte_does_harm)
{
	static const char bytes[] = "\"\\{}[],:0-.eu \n\x01\xc3\xff";
	char text[sizeof(sample)];

	for (size_t i = 0; i < strlen(sample); i++) {
		for (size_t k = 0; k < sizeof(bytes); k++) { /* the NUL too */
			struct json *json = NULL;

			memcpy(text, sample, sizeof(sample));
			text[i] = bytes[k];
			if (parse(text, strlen(sample), &json, NULL) == 0)
				ck_assert_uint_ge(walk(json_root(json)), 5);
			json_free(json);
		}
	}
}
END_TEST

START_TEST(test_no_missing_byte_does_harm)
{
	char text[sizeof(sample)];

	for (size_t i = 0; i < strlen(sample); i++) {
		struct json *json = NULL;

		memcpy(text, sample, i);
		memcpy(text + i, sample + i + 1, strlen(sample) - i - 1);
		if (parse(text, strlen(sample) - 1, &json, NULL) == 0)
			ck_assert_uint_ge(walk(json_root(json)), 5);
		json_free(json);
	}
}
END_TEST

START_TEST(test_says_where_and_why)
{
	static const struct {
		const char *text, *reason;
		unsigned line, column;
	} rows[] = {
	    {"", "empty", 1, 1},
	    {"{\n \"a\": x}", "no JSON value", 2, 7},
	    {"{\"a\":1,\n\"b\"}", "key without a value", 2, 4},
	    {"{\"a\": <secret>}", "placeholder", 1, 7},
	    {"{\"a\":1} {", "after its end", 1, 9},
	    {"{\"a\":1", "ends too early", 1, 7},
	    {"{\"a", "ends within a string", 1, 4},
	    {"[1 2]", "comma", 1, 4},
	    {"{\"a\":1,}", "other than a key", 1, 8},
	    {"{\n\"x\": {\"hunter2\":1,\n\"hunter2\":2}}", "twice", 2, 6},
	    {"[\"\\u0000\"]", "NUL", 1, 9},
	    {"[\"\xff\"]", "UTF-8", 1, 3},
	    {"[01]", "comma", 1, 3},
	    {"[-]", "malformed number", 1, 3},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct json_error error = {0};
		struct json *json = NULL;
		int r = parse(rows[i].text, strlen(rows[i].text), &json, &error);

		ck_assert_int_eq(r, -EBADMSG);
		ck_assert_msg(strstr(error.reason, rows[i].reason) &&
				  error.line == rows[i].line &&
				  error.column == rows[i].column,
		    "'%s': %s (%u, %u)", rows[i].text, error.reason, error.line,
		    error.column);
		ck_assert_ptr_null(strstr(error.reason, "hunter2"));
		ck_assert_ptr_null(strstr(error.reason, "secret"));
	}
}
END_TEST

START_TEST(test_integers_are_whole_and_within_64_bits)
{
	static const struct {
		const char *text;
		bool is;
		int64_t want;
	} rows[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"587", true, 587},
	    {"-1", true, -1},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"99999999999999999999999999", false, 0},
	    {"1.0", false, 0},
	    {"1e3", false, 0},
	    {"\"1\"", false, 0},
	    {"true", false, 0},
	    {"null", false, 0},
	    {"[1]", false, 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_json_ struct json *json = parse_good(rows[i].text);
		int64_t n = 4711;
		bool is = json_integer(json_root(json), &n);

		ck_assert_msg(is == rows[i].is && n == (is ? rows[i].want : 4711),
		    "%s: %d", rows[i].text, is);
	}
}
END_TEST

START_TEST(test_look_ups_of_the_wrong_type_find_nothing)
{
	static const char *const texts[] = {
	    "\"a\"", "1", "null", "true", "[\"a\",{\"a\":1}]"};
	struct json_value v;
	const char *key;
	bool b;

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		_cleanup_json_ struct json *json = parse_good(texts[i]);
		int position = 0;

		ck_assert(!json_find(json_root(json), "a", &v));
		ck_assert(!json_next_member(json_root(json), &position, &key, &v));
		ck_assert_int_eq(json_boolean(json_root(json), &b), i == 3);
	}
	{
		_cleanup_json_ struct json *json = parse_good("{\"a\":\"b\",\"c\":{}}");
		int position = 0;

		ck_assert(!json_next_element(json_root(json), &position, &v));
		ck_assert(!json_find(json_root(json), "b", &v));
		ck_assert(!json_find(json_root(json), "", &v));
		ck_assert_ptr_null(json_text(json_root(json)));
		ck_assert_ptr_null(json_string(json_root(json)));
	}
}
END_TEST

START_TEST(test_members_come_in_order_and_without_their_insides)
{
	_cleanup_json_ struct json *json = parse_good(
	    "{\"b\":{\"x\":1,\"y\":[2,{\"z\":3}]},\"a\":[[4],[5]],\"c\":6,\"d\":{}}");
	static const char *const want[] = {"b", "a", "c", "d"};
	struct json_value v;
	const char *key;
	int position = 0;
	size_t n = 0;

	ck_assert_uint_eq(json_length(json_root(json)), ELEMENTSOF(want));
	while (json_next_member(json_root(json), &position, &key, &v)) {
		ck_assert_uint_lt(n, ELEMENTSOF(want));
		ck_assert_str_eq(key, want[n++]);
	}
	ck_assert_uint_eq(n, ELEMENTSOF(want));
	ck_assert(!json_find(json_root(json), "x", &v));
	ck_assert(json_find(json_root(json), "a", &v));
	ck_assert_uint_eq(json_length(v), 2);
}
END_TEST

START_TEST(test_the_copy_is_wiped)
{
	static const char text[] =
	    "{\"mail.password\":\"correct \\u0068orse battery\",\"n\":123454321}";
	static const char duplicate[] = "{\"a\":\"correct horse\",\"a\":\"battery\"}";
	struct json *json = NULL;
	struct json_value v;

	/* json_parse() itself and not parse(), which copies too */
	freed_memory_watch("horse");
	ck_assert_int_eq(json_parse(text, strlen(text), &json, NULL), 0);
	ck_assert(json_find(json_root(json), "mail.password", &v));
	ck_assert_str_eq(json_string(v), "correct horse battery");
	ck_assert_ptr_null(json_free(json));
	ck_assert_uint_eq(freed_memory_hits(), 0);
	ck_assert_int_eq(json_parse(duplicate, strlen(duplicate), &json, NULL), -EBADMSG);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	freed_memory_watch("12345432");
	ck_assert_int_eq(json_parse(text, strlen(text), &json, NULL), 0);
	json_free(json);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	ck_assert_ptr_null(json_free(NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_accepts_what_the_grammar_allows,
	    test_decodes_strings,
	    test_neighbours_stay_apart,
	    test_refuses_a_key_given_twice,
	    test_number_of_values_is_bounded,
	    test_a_huge_string_is_one_value,
	    test_finds_duplicates_among_many_keys,
	    test_a_text_cut_anywhere_is_refused,
	    test_no_change_of_a_byte_does_harm,
	    test_no_missing_byte_does_harm,
	    test_says_where_and_why,
	    test_integers_are_whole_and_within_64_bits,
	    test_look_ups_of_the_wrong_type_find_nothing,
	    test_members_come_in_order_and_without_their_insides,
	    test_the_copy_is_wiped,
	};

	return check_program("json", tests, ELEMENTSOF(tests));
}
