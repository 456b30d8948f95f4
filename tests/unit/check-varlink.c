/* SPDX-License-Identifier: Apache-2.0 */
/* Varlink's framing: messages cut anywhere, too long, malformed, and what is written. */

#include "varlink.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "repeated-text.h"

/* Two messages as they lie on the wire, NUL bytes included. */
static const char stream[] = "{\"method\":\"a.B.C\",\"parameters\":{\"n\":1}}\0"
			     "{\"error\":\"a.B.No\",\"parameters\":{\"n\":2}}";

static void expect(
    const struct json *message, const char *method, const char *error, int64_t want)
{
	struct json_value parameters, v;
	int64_t n = 0;

	ck_assert_pstr_eq(varlink_method(message), method);
	ck_assert_pstr_eq(varlink_error(message), error);
	ck_assert(varlink_parameters(message, &parameters));
	ck_assert(json_find(parameters, "n", &v));
	ck_assert(json_integer(v, &n));
	ck_assert_int_eq(n, want);
}

/* Takes what is complete; counts it in *seen. */
static void take_all(struct secret *in, unsigned *seen)
{
	for (;;) {
		_cleanup_json_ struct json *message = NULL;
		int r = varlink_take(in, &message);

		ck_assert_int_ge(r, 0);
		if (r == 0)
			return;
		if ((*seen)++ == 0)
			expect(message, "a.B.C", NULL, 1);
		else
			expect(message, NULL, "a.B.No", 2);
	}
}

START_TEST(test_messages_may_be_cut_at_every_byte)
{
	for (size_t cut = 0; cut <= sizeof(stream); cut++) {
		_cleanup_secret_ struct secret in = {0};
		unsigned seen = 0;

		ck_assert_int_eq(secret_append(&in, stream, cut), 0);
		take_all(&in, &seen);
		ck_assert_int_eq(
		    secret_append(&in, stream + cut, sizeof(stream) - cut), 0);
		take_all(&in, &seen);
		ck_assert_msg(
		    seen == 2 && in.len == 0, "cut at %zu: %u messages", cut, seen);
	}
}
END_TEST

START_TEST(test_messages_may_come_byte_by_byte)
{
	_cleanup_secret_ struct secret in = {0};
	unsigned seen = 0;

	for (size_t i = 0; i < sizeof(stream); i++) {
		unsigned want = i + 1 < strlen(stream) + 1 ? 0
				: i + 1 < sizeof(stream)   ? 1
							   : 2;

		ck_assert_int_eq(secret_append(&in, stream + i, 1), 0);
		take_all(&in, &seen);
		ck_assert_uint_eq(seen, want);
	}
}
END_TEST

START_TEST(test_nothing_yet_is_no_error)
{
	_cleanup_secret_ struct secret in = {0};
	struct json *message = NULL;

	ck_assert_int_eq(varlink_take(&in, &message), 0);
	ck_assert_int_eq(secret_puts(&in, "not even JSON"), 0);
	ck_assert_int_eq(varlink_take(&in, &message), 0);
	ck_assert_ptr_null(message);
}
END_TEST

START_TEST(test_refuses_what_is_no_object)
{
	static const char *const rows[] = {"", "[]", "1", "\"x\"", "null", "{", "{}{}",
	    "{}x", "{\"a\":1,\"a\":2}", "GET / HTTP/1.1", "{\"a\":\"\xff\"}"};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret in = {0};
		struct json *message = NULL;

		ck_assert_int_eq(secret_append(&in, rows[i], strlen(rows[i]) + 1), 0);
		ck_assert_msg(varlink_take(&in, &message) == -EBADMSG && !message,
		    "'%s': is accepted", rows[i]);
	}
}
END_TEST

/* A message of `len` bytes, its NUL not counted. */
static void fill(struct secret *s, size_t len)
{
	static const char frame[] = "{\"a\":\"\"}";

	secret_clear(s);
	ck_assert_int_eq(secret_puts(s, "{\"a\":\""), 0);
	repeated_text(s, "x", len - 2 - s->len);
	ck_assert_int_eq(secret_puts(s, "\"}"), 0);
	ck_assert_uint_gt(s->len, strlen(frame));
	ck_assert_uint_eq(s->len, len);
}

START_TEST(test_length_is_bounded)
{
	_cleanup_secret_ struct secret in = {0};
	struct json *message = NULL;

	fill(&in, VARLINK_MESSAGE_MAX - 1);
	ck_assert_int_eq(varlink_take(&in, &message), 0);
	ck_assert_int_eq(secret_append(&in, "", 1), 0);
	ck_assert_int_eq(varlink_take(&in, &message), 1);
	message = json_free(message);

	fill(&in, VARLINK_MESSAGE_MAX);
	ck_assert_int_eq(varlink_take(&in, &message), -EMSGSIZE);
	ck_assert_int_eq(secret_append(&in, "", 1), 0);
	ck_assert_int_eq(varlink_take(&in, &message), -EMSGSIZE);
	ck_assert_ptr_null(message);
}
END_TEST

START_TEST(test_members_of_the_wrong_type_are_absent_or_refused)
{
	static const struct {
		const char *text;
		bool parameters;
	} rows[] = {
	    {"{\"method\":1,\"error\":{},\"parameters\":[]}", false},
	    {"{\"method\":null,\"parameters\":null}", false},
	    {"{\"parameters\":\"x\"}", false},
	    {"{\"x\":{\"method\":\"a\",\"error\":\"b\",\"parameters\":1}}", true},
	    {"{}", true},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_json_ struct json *message = NULL;
		struct json_value parameters;

		ck_assert_int_eq(
		    json_parse(rows[i].text, strlen(rows[i].text), &message, NULL), 0);
		ck_assert_ptr_null(varlink_method(message));
		ck_assert_ptr_null(varlink_error(message));
		ck_assert_msg(
		    varlink_parameters(message, &parameters) == rows[i].parameters, "%s",
		    rows[i].text);
		ck_assert_ptr_null(parameters.json);
	}
}
END_TEST

START_TEST(test_writes_calls_replies_and_errors)
{
	_cleanup_secret_ struct secret out = {0};
	struct varlink_writer v;
	static const char want[] =
	    "{\"method\":\"io.maildest.Helper.GetToken\",\"parameters\":{\"n\":1}}\0"
	    "{\"parameters\":{}}\0"
	    "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":"
	    "{\"method\":\"x\"}}\0"
	    "{\"method\":\"a.B.C\",\"oneway\":true,\"parameters\":{\"n\":2}}\0"
	    "{\"method\":\"a.B.D\",\"oneway\":true,\"parameters\":{}}";

	varlink_begin_call(&v, &out, "io.maildest.Helper.GetToken");
	json_writer_integer(&v.w, "n", 1);
	ck_assert_int_eq(varlink_end(&v), 0);
	varlink_begin_reply(&v, &out);
	ck_assert_int_eq(varlink_end(&v), 0);
	varlink_begin_error(&v, &out, "org.varlink.service.MethodNotFound");
	json_writer_string(&v.w, "method", "x");
	ck_assert_int_eq(varlink_end(&v), 0);
	varlink_begin_oneway_call(&v, &out, "a.B.C");
	json_writer_integer(&v.w, "n", 2);
	ck_assert_int_eq(varlink_end(&v), 0);
	varlink_begin_oneway_call(&v, &out, "a.B.D");
	ck_assert_int_eq(varlink_end(&v), 0);
	ck_assert_uint_eq(out.len, sizeof(want));
	ck_assert_int_eq(memcmp(out.data, want, sizeof(want)), 0);
}
END_TEST

START_TEST(test_a_message_that_fails_leaves_no_trace)
{
	_cleanup_secret_ struct secret out = {0};
	struct varlink_writer v;

	varlink_begin_reply(&v, &out);
	ck_assert_int_eq(varlink_end(&v), 0);
	varlink_begin_call(&v, &out, "a.B.C");
	json_writer_string(&v.w, "credential", "hunter2");
	json_writer_string(&v.w, "bad", "\xff");
	ck_assert_int_eq(varlink_end(&v), -EILSEQ);
	ck_assert_uint_eq(out.len, sizeof("{\"parameters\":{}}"));
	ck_assert_int_eq(out.data[out.len], '\0');
	ck_assert_ptr_null(memmem(out.data, out.cap, "hunter2", 7));
	varlink_begin_oneway_call(&v, &out, "a.B.C");
	json_writer_string(&v.w, "session", "hunter2\xff");
	ck_assert_int_eq(varlink_end(&v), -EILSEQ);
	ck_assert_uint_eq(out.len, sizeof("{\"parameters\":{}}"));
	ck_assert_ptr_null(memmem(out.data, out.cap, "hunter2", 7));
}
END_TEST

START_TEST(test_what_is_written_is_read)
{
	_cleanup_secret_ struct secret wire = {0};
	_cleanup_json_ struct json *message = NULL;
	struct varlink_writer v;
	struct json_value parameters, value;

	varlink_begin_call(&v, &wire, "a.B.C");
	json_writer_string(&v.w, "credential", "1//0g\"\\\x01\xc3\xa4");
	ck_assert_int_eq(varlink_end(&v), 0);
	ck_assert_int_eq(varlink_take(&wire, &message), 1);
	ck_assert_str_eq(varlink_method(message), "a.B.C");
	ck_assert(varlink_parameters(message, &parameters));
	ck_assert(json_find(parameters, "credential", &value));
	ck_assert_str_eq(json_string(value), "1//0g\"\\\x01\xc3\xa4");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_messages_may_be_cut_at_every_byte,
	    test_messages_may_come_byte_by_byte,
	    test_nothing_yet_is_no_error,
	    test_refuses_what_is_no_object,
	    test_length_is_bounded,
	    test_members_of_the_wrong_type_are_absent_or_refused,
	    test_writes_calls_replies_and_errors,
	    test_a_message_that_fails_leaves_no_trace,
	    test_what_is_written_is_read,
	};

	return check_program("varlink", tests, ELEMENTSOF(tests));
}
