/* SPDX-License-Identifier: Apache-2.0 */
/* TLS sessions from and to the helper: whatever goes wrong with them, there is none, and
 * the token comes all the same. */

#include "token.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "freed-memory.h"
#include "helper-end.h"
#include "repeated-text.h"
#include "scene.h"

static const struct service my_mail = {.destination = "my-mail"};

#define SOON deadline_in(20 * USEC_PER_SEC)
#define CONTEXT "c0ffee"
#define OPENED "{\"parameters\":{}}"
#define TOKEN "{\"parameters\":{\"access_token\":\"to.ken\"}}"
#define SESSION(value) "{\"parameters\":{\"session\":" value "}}"

static void begin(struct helper *h, int type, const char *context, bool wants_token)
{
	const struct token_request request = {
	    .service = &my_mail, .tls_context = context, .wants_token = wants_token};

	signal(SIGPIPE, SIG_DFL); /* who is gone must not end us */
	helper_begin(h, type | SOCK_NONBLOCK, &request, SOON);
}

static void answer(struct helper *h, const char *message)
{
	helper_answer(h, message, SCENE_PACKET_MAX);
}

START_TEST(test_asks_for_what_is_wanted)
{
#define CALL(method, parameters)                                                         \
	"{\"method\":\"io.maildest.Helper." method "\",\"parameters\":{" parameters "}}" \
	"\n"
#define OPEN CALL("OpenSession", "\"service\":\"my-mail\",\"destination\":\"my-mail\"")
	static const struct {
		const char *context;
		bool wants_token;
		const char *want;
	} rows[] = {
	    {NULL, true, OPEN CALL("GetToken", "")},
	    {CONTEXT, true,
		OPEN CALL("GetTlsSession", "\"context\":\"c0ffee\"")
		    CALL("GetToken", "")},
	    {CONTEXT, false, OPEN CALL("GetTlsSession", "\"context\":\"c0ffee\"")},
	    {NULL, false, OPEN},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_secret_ struct secret heard = {0};

		begin(&h, SOCK_SEQPACKET, rows[i].context, rows[i].wants_token);
		ck_assert_str_eq(helper_told(&h, &heard), rows[i].want);
	}
}
END_TEST

/* Answers to GetTlsSession. */
static const struct {
	const char *label, *reply, *want;
} replies[] = {
    {"a session", SESSION("\"YWJj\""), "abc"},
    {"padded once", SESSION("\"YWI=\""), "ab"},
    {"padded twice", SESSION("\"YQ==\""), "a"},
    {"and more", "{\"parameters\":{\"x\":1,\"session\":\"YWJj\",\"y\":{}}}", "abc"},
    {"an escape", SESSION("\"\\u0059WJj\""), "abc"},
    {"null", SESSION("null"), ""},
    {"an empty one", SESSION("\"\""), ""},
    {"none", OPENED, ""},
    {"no parameters", "{}", ""},
    {"parameters that are none", "{\"parameters\":[\"YWJj\"]}", ""},
    {"a number", SESSION("17"), ""},
    {"an object", SESSION("{\"session\":\"YWJj\"}"), ""},
    {"an array", SESSION("[\"YWJj\"]"), ""},
    {"no base64", SESSION("\"!!!!\""), ""},
    {"base64 that is cut", SESSION("\"YWJ\""), ""},
    {"one letter", SESSION("\"Y\""), ""},
    {"base64 and a blank", SESSION("\"YWJj \""), ""},
    {"base64 and a line end", SESSION("\"YWJj\\n\""), ""},
    {"base64 and more", SESSION("\"YWJjYQ==YWJj\""), ""},
    {"base64 of URLs", SESSION("\"-_-_\""), ""},
    {"padding alone", SESSION("\"====\""), ""},
    {"an error", "{\"error\":\"io.maildest.Helper.LimitExceeded\"}", ""},
    {"an error with a session",
	"{\"error\":\"io.maildest.Helper.X\",\"parameters\":{\"session\":\"YWJj\"}}",
	NULL},
    {"an unknown method",
	"{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":"
	"\"io.maildest.Helper.GetTlsSession\"}}",
	""},
};

static void check_session(const struct helper *h, size_t i)
{
	if (!replies[i].want) /* either is right, as nobody says so */
		return;
	ck_assert_msg(strcmp(secret_str(&h->t.tls_session), replies[i].want) == 0,
	    "%s: the session is '%s'", replies[i].label, secret_str(&h->t.tls_session));
}

START_TEST(test_sessions_with_a_token)
{
	for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_secret_ struct secret token = {0};
		_cleanup_free_ char *why = NULL;

		begin(&h, SOCK_SEQPACKET, CONTEXT, true);
		answer(&h, OPENED);
		answer(&h, replies[i].reply);
		answer(&h, TOKEN);
		ck_assert_msg(token_wait(&h.t, SOON, &token, &why) == 0,
		    "%s: no token (%s)", replies[i].label, why);
		ck_assert_str_eq(secret_str(&token), "to.ken");
		check_session(&h, i);
	}
}
END_TEST

START_TEST(test_sessions_alone)
{
	for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
		_cleanup_helper_ struct helper h;

		begin(&h, SOCK_SEQPACKET, CONTEXT, false);
		answer(&h, OPENED);
		answer(&h, replies[i].reply);
		token_wait_tls_session(&h.t, SOON);
		check_session(&h, i);
		ck_assert_uint_eq(h.t.n_unanswered, 0);
	}
}
END_TEST

START_TEST(test_a_session_of_a_thousand_bytes)
{
	_cleanup_helper_ struct helper h;
	_cleanup_secret_ struct secret said = {0};

	begin(&h, SOCK_SEQPACKET, CONTEXT, false);
	answer(&h, OPENED);
	ck_assert_int_eq(secret_puts(&said, "{\"parameters\":{\"session\":\""), 0);
	repeated_text(&said, "YWJj", 20000);
	ck_assert_int_eq(secret_puts(&said, "\"}}"), 0);
	answer(&h, said.data);
	token_wait_tls_session(&h.t, SOON);
	ck_assert_uint_eq(h.t.tls_session.len, 60000);
}
END_TEST

/* What the other replies say, a session does not change. */
START_TEST(test_errors_of_other_calls_count)
{
	static const struct {
		const char *open, *get;
		int want;
	} rows[] = {
	    {"{\"error\":\"io.maildest.Helper.InvalidDestination\"}", TOKEN, -EINVAL},
	    {"{\"error\":\"io.maildest.Helper.LimitExceeded\"}", TOKEN, -EAGAIN},
	    {OPENED, "{\"error\":\"io.maildest.Helper.TokenRefused\"}", -ENOKEY},
	    {OPENED, OPENED, -ENOTCONN},
	    {OPENED, SESSION("\"YWJj\""), -ENOTCONN},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_secret_ struct secret token = {0};
		_cleanup_free_ char *why = NULL;

		begin(&h, SOCK_SEQPACKET, CONTEXT, true);
		answer(&h, rows[i].open);
		answer(&h, SESSION("\"YWJj\""));
		answer(&h, rows[i].get);
		ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), rows[i].want);
		ck_assert_uint_eq(token.len, 0);
	}
}
END_TEST

/* What a helper may do instead of answering in full. */
START_TEST(test_a_helper_that_does_not_answer)
{
	static const struct {
		const char *label, *first, *second;
		bool cut, leaves;
	} rows[] = {
	    {"silent", NULL, NULL, false, false},
	    {"silent after the first", OPENED, NULL, false, false},
	    {"within the session", OPENED, SESSION("\"YWJj\""), true, false},
	    {"gone", NULL, NULL, false, true},
	    {"gone after the first", OPENED, NULL, false, true},
	    {"gone within the session", OPENED, SESSION("\"YWJj\""), true, true},
	    {"garbage", "{]", SESSION("\"YWJj\""), false, false},
	    {"garbage as a session", OPENED, "[\"YWJj\"]", false, false},
	    {"not allowed", "{\"error\":\"io.maildest.Helper.LimitExceeded\"}",
		SESSION("\"YWJj\""), false, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_helper_ struct helper h;

		begin(&h, SOCK_SEQPACKET, CONTEXT, false);
		if (rows[i].first)
			answer(&h, rows[i].first);
		if (rows[i].second)
			scene_say(h.fd, rows[i].second,
			    strlen(rows[i].second) + !rows[i].cut, SCENE_PACKET_MAX);
		if (rows[i].leaves)
			helper_leave(&h);
		token_wait_tls_session(&h.t, deadline_in(5000));
		ck_assert_msg(
		    h.t.tls_session.len == 0, "%s: there is a session", rows[i].label);
	}
}
END_TEST

/* A session to hand over. */
static void make(struct tls_session *s, size_t n, uint64_t lifetime_sec, bool single_use)
{
	*s = (struct tls_session){.lifetime_sec = lifetime_sec, .single_use = single_use};
	repeated_text(&s->bytes, "abc", n);
}

START_TEST(test_hands_sessions_over)
{
	static const struct {
		uint64_t lifetime_sec;
		bool single_use;
		const char *want;
	} rows[] = {
	    {300, true,
		"{\"method\":\"io.maildest.Helper.PutTlsSession\",\"oneway\":true,"
		"\"parameters\":{\"context\":\"c0ffee\",\"session\":\"YWJjYWJj\","
		"\"lifetime\":300,\"single_use\":true}}\n"},
	    {86400, false,
		"{\"method\":\"io.maildest.Helper.PutTlsSession\",\"oneway\":true,"
		"\"parameters\":{\"context\":\"c0ffee\",\"session\":\"YWJjYWJj\","
		"\"lifetime\":86400,\"single_use\":false}}\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (unsigned answered = 0; answered < 2; answered++) {
			_cleanup_helper_ struct helper h;
			_cleanup_secret_ struct secret heard = {0};
			_cleanup_tls_session_ struct tls_session s;

			begin(&h, SOCK_SEQPACKET, CONTEXT, false);
			(void)helper_told(&h, &heard);
			if (answered) {
				answer(&h, OPENED);
				answer(&h, OPENED);
			}
			token_wait_tls_session(&h.t, deadline_in(5000));
			make(&s, 2, rows[i].lifetime_sec, rows[i].single_use);
			token_keep_tls_session(&h.t, &s);
			ck_assert_str_eq(helper_told(&h, &heard), rows[i].want);
			ck_assert_str_eq(secret_str(&s.bytes), "abcabc");
		}
}
END_TEST

START_TEST(test_hands_nothing_over_unasked)
{
	_cleanup_helper_ struct helper h;
	_cleanup_secret_ struct secret heard = {0};
	_cleanup_tls_session_ struct tls_session s;
	struct token_source closed = TOKEN_SOURCE_INIT;

	begin(&h, SOCK_SEQPACKET, NULL, true);
	(void)helper_told(&h, &heard);
	make(&s, 2, 300, true);
	token_keep_tls_session(&h.t, &s);
	ck_assert_str_eq(helper_told(&h, &heard), "");
	token_keep_tls_session(&closed, &s);
	closed.request.tls_context = CONTEXT;
	token_keep_tls_session(&closed, &s);
	token_wait_tls_session(&closed, SOON);
}
END_TEST

START_TEST(test_a_helper_that_is_gone_takes_nothing)
{
	_cleanup_helper_ struct helper h;
	_cleanup_tls_session_ struct tls_session s;

	begin(&h, SOCK_STREAM, CONTEXT, false);
	helper_leave(&h);
	make(&s, 2, 300, true);
	token_keep_tls_session(&h.t, &s);
	token_keep_tls_session(&h.t, &s);
	ck_assert_int_eq(h.t.link.fd, -1);
}
END_TEST

/* Sends NULs until nothing more goes. */
static void fill(int fd)
{
	static char noise[1024];

	while (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
}

/* Reads that much and leaves the rest. */
static void read_some(int fd, size_t n)
{
	static char bytes[4096];

	while (n > 0) {
		ssize_t got = recv(fd, bytes, MIN_OF(n, sizeof(bytes)), 0);

		ck_assert_int_gt(got, 0);
		n -= (size_t)got;
	}
}

static bool is_call_within_another(const struct secret *heard)
{
	for (size_t at = 0; at < heard->len; at += strlen(heard->data + at) + 1)
		if (heard->data[at] && strstr(heard->data + at + 1, "{\"method\""))
			return true;
	return false;
}

/* Half a call must not be followed by another one. */
START_TEST(test_a_helper_that_does_not_read_holds_nobody_up)
{
	static const size_t room[] = {0, 1, 100, 10000};

	for (size_t i = 0; i < ELEMENTSOF(room); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_secret_ struct secret heard = {0};
		_cleanup_tls_session_ struct tls_session s;

		begin(&h, SOCK_STREAM, CONTEXT, false);
		fill(h.t.link.fd);
		if (room[i] > 0)
			read_some(h.fd, room[i]);
		make(&s, 10000, 300, true);
		for (unsigned k = 0; k < 2000 && h.t.link.fd >= 0; k++)
			token_keep_tls_session(&h.t, &s);
		ck_assert_int_eq(h.t.link.fd, -1);
		scene_heard(h.fd, &heard);
		ck_assert_msg(!is_call_within_another(&heard),
		    "with room for %zu: a call begins within another", room[i]);
	}
}
END_TEST

START_TEST(test_keys_do_not_stay_in_freed_memory)
{
	static const char *const patterns[] = {"YWJjYWJj", "abcabc"};

	for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
		struct helper h;
		struct tls_session s;

		freed_memory_watch(patterns[i]);
		begin(&h, SOCK_SEQPACKET, CONTEXT, false);
		answer(&h, OPENED);
		answer(&h, SESSION("\"YWJjYWJj\""));
		token_wait_tls_session(&h.t, SOON);
		ck_assert_str_eq(secret_str(&h.t.tls_session), "abcabc");
		make(&s, 1000, 300, true);
		token_keep_tls_session(&h.t, &s);
		tls_session_done(&s);
		helper_done(&h);
		ck_assert_msg(freed_memory_hits() == 0, "'%s' is found", patterns[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_asks_for_what_is_wanted,
	    test_sessions_with_a_token,
	    test_sessions_alone,
	    test_a_session_of_a_thousand_bytes,
	    test_errors_of_other_calls_count,
	    test_a_helper_that_does_not_answer,
	    test_hands_sessions_over,
	    test_hands_nothing_over_unasked,
	    test_a_helper_that_is_gone_takes_nothing,
	    test_a_helper_that_does_not_read_holds_nobody_up,
	    test_keys_do_not_stay_in_freed_memory,
	};

	return check_program("token-tls", tests, ELEMENTSOF(tests));
}
