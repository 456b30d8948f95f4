/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what has been read can be written, and is then read as the same. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "json-scan.h"
#include "json-writer.h"
#include "json.h"
#include "utf8.h"

static void write_value(struct json_writer *w, const char *key, struct json_value v);

static void write_members(struct json_writer *w, const char *key, struct json_value v)
{
	bool is_object = json_type(v) == JSON_OBJECT;
	struct json_value child;
	const char *name = NULL;
	int position = 0;
	size_t n = 0;

	json_writer_open(w, key, is_object ? '{' : '[');
	while (is_object ? json_next_member(v, &position, &name, &child)
			 : json_next_element(v, &position, &child)) {
		n++;
		write_value(w, name, child);
	}
	json_writer_close(w, is_object ? '}' : ']');
	fuzz_check(n == json_length(v), "the members are not as many as they say");
}

/* What the writer has no form for becomes a text. */
static void write_value(struct json_writer *w, const char *key, struct json_value v)
{
	const char *text = json_text(v);
	int64_t integer;
	bool boolean;

	if (json_type(v) == JSON_OBJECT || json_type(v) == JSON_ARRAY)
		write_members(w, key, v);
	else if (json_integer(v, &integer))
		json_writer_integer(w, key, integer);
	else if (json_boolean(v, &boolean))
		json_writer_boolean(w, key, boolean);
	else
		json_writer_string(w, key, text ? text : "null");
}

static void compare(struct json_value a, struct json_value b);

static void compare_members(struct json_value a, struct json_value b)
{
	struct json_value child, other;
	const char *name;
	int position = 0, from = 0;

	fuzz_check(json_length(a) == json_length(b), "a member is lost on the way");
	while (json_next_member(a, &position, &name, &child)) {
		fuzz_check(utf8_is_valid(name, strlen(name)), "a key is no UTF-8");
		fuzz_check(json_find(b, name, &other), "a key is lost on the way");
		compare(child, other);
	}
	position = 0;
	while (json_next_element(a, &position, &child)) {
		fuzz_check(json_next_element(b, &from, &other), "an element is lost");
		compare(child, other);
	}
}

static void compare(struct json_value a, struct json_value b)
{
	const char *text = json_text(a), *other = json_text(b);
	int64_t integer, same;

	if (json_integer(a, &integer))
		fuzz_check(json_integer(b, &same) && integer == same, "a number changed");
	else if (text)
		fuzz_check(other && strcmp(text, other) == 0, "a text changed");
	if (text && json_string(a))
		fuzz_check(utf8_is_valid(text, strlen(text)), "a text is no UTF-8");
	compare_members(a, b);
}

static void check_error(const struct json_error *error, size_t n)
{
	fuzz_check(error->reason && error->line > 0, "a refusal has no reason or place");
	fuzz_check(error->key_len <= n && error->key_at <= n - error->key_len,
	    "a refusal names a key beyond the text");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_json_ struct json *json = NULL, *again = NULL;
	_cleanup_secret_ struct secret text = {0};
	struct json_writer w = {.out = &text};
	struct fuzz_input in = fuzz_input(bytes, n);
	struct json_error error;
	const char *reason;
	size_t at;
	int r;

	r = json_parse(in.bytes, in.n, &json, &error);
	if (r == -EBADMSG)
		check_error(&error, n);
	if (r < 0)
		return 0;
	fuzz_check(json_scan(in.bytes, in.n, &at, &reason), "what was parsed is no JSON");
	write_value(&w, NULL, json_root(json));
	fuzz_check(json_writer_end(&w) == 0, "what was read cannot be written");
	fuzz_check(json_parse(text.data, text.len, &again, &error) == 0,
	    "it cannot be read again");
	compare(json_root(json), json_root(again));
	return 0;
}
