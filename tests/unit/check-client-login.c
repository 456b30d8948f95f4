/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's SASL dialogue with us: any credentials will do, their form is checked; and where
 * they are the client's grant, what they lead to.
 */

#include "client-login.h"

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "check-program.h"
#include "freed-memory.h"
#include "repeated-text.h"
#include "scene.h"

/* What the client says has all come; it says no more and still listens. */
static int run(struct scene *s, const char *mechanism, const char *initial,
    const char *said, const char *prompt)
{
	scene_begin(s, &protocol_smtp);
	s->x.heard = true;
	scene_client_says(s, said);
	scene_client_ends(s);
	return client_login_run(&s->x, mechanism, strlen(mechanism), initial,
	    initial ? strlen(initial) : 0, prompt);
}

START_TEST(test_dialogues)
{
	static const struct {
		const char *label, *mechanism, *initial, *said;
		int want;
		const char *heard;
	} rows[] = {
	    {"PLAIN", "PLAIN", "AGEAYg==", "", CLIENT_LOGIN_ACCEPTED, ""},
	    {"another case", "plain", "AGEAYg==", "", CLIENT_LOGIN_ACCEPTED, ""},
	    {"PLAIN, asked", "PLAIN", NULL, "AGEAYg==\r\n", CLIENT_LOGIN_ACCEPTED,
		"334 \r\n"},
	    {"PLAIN, nothing in it", "PLAIN", NULL, "\r\n", CLIENT_LOGIN_ACCEPTED,
		"334 \r\n"},
	    {"PLAIN, empty initial", "PLAIN", "=", "", CLIENT_LOGIN_ACCEPTED, ""},
	    {"PLAIN, bare line feed", "PLAIN", NULL, "AGEAYg==\n", CLIENT_LOGIN_ACCEPTED,
		"334 \r\n"},
	    {"XOAUTH2", "XOAUTH2", "dXNlcj0B", "", CLIENT_LOGIN_ACCEPTED, ""},
	    {"XOAUTH2, asked", "XOAUTH2", NULL, "dXNlcj0B\r\n", CLIENT_LOGIN_ACCEPTED,
		"334 \r\n"},
	    {"OAUTHBEARER", "OAUTHBEARER", "biws", "", CLIENT_LOGIN_ACCEPTED, ""},
	    {"LOGIN", "LOGIN", NULL, "dXNlcg==\r\ncGFzcw==\r\n", CLIENT_LOGIN_ACCEPTED,
		"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"},
	    {"LOGIN, the user first", "LOGIN", "dXNlcg==", "cGFzcw==\r\n",
		CLIENT_LOGIN_ACCEPTED, "334 UGFzc3dvcmQ6\r\n"},
	    {"CRAM-MD5", "CRAM-MD5", NULL, "dXNlciBhYmM=\r\n", CLIENT_LOGIN_ACCEPTED,
		"334 PG1haWxkZXN0Pg==\r\n"},
	    {"CRAM-MD5 with an initial response", "CRAM-MD5", "dXNlcg==", "",
		CLIENT_LOGIN_MALFORMED, ""},
	    {"CRAM-MD5 with an empty initial response", "CRAM-MD5", "=", "",
		CLIENT_LOGIN_MALFORMED, ""},
	    {"cancelled", "PLAIN", NULL, "*\r\n", CLIENT_LOGIN_CANCELLED, "334 \r\n"},
	    {"cancelled at the second", "LOGIN", NULL, "dXNlcg==\r\n*\r\n",
		CLIENT_LOGIN_CANCELLED, "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"},
	    {"an asterisk more", "PLAIN", NULL, "**\r\n", CLIENT_LOGIN_MALFORMED,
		"334 \r\n"},
	    {"an initial asterisk", "PLAIN", "*", "", CLIENT_LOGIN_MALFORMED, ""},
	    {"an equals sign when asked", "PLAIN", NULL, "=\r\n", CLIENT_LOGIN_MALFORMED,
		"334 \r\n"},
	    {"two equals signs", "PLAIN", "==", "", CLIENT_LOGIN_MALFORMED, ""},
	    {"no base64", "PLAIN", "hunter2", "", CLIENT_LOGIN_MALFORMED, ""},
	    {"no base64 when asked", "PLAIN", NULL, "hunter2!\r\n",
		CLIENT_LOGIN_MALFORMED, "334 \r\n"},
	    {"no padding", "PLAIN", "AGEAYg", "", CLIENT_LOGIN_MALFORMED, ""},
	    {"a blank behind", "PLAIN", NULL, "AGEAYg== \r\n", CLIENT_LOGIN_MALFORMED,
		"334 \r\n"},
	    {"a wrong second", "LOGIN", NULL, "dXNlcg==\r\nx\r\n", CLIENT_LOGIN_MALFORMED,
		"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"},
	    {"unknown", "NTLM", NULL, "", CLIENT_LOGIN_UNKNOWN, ""},
	    {"unknown with a response", "GSSAPI", "AGEAYg==", "", CLIENT_LOGIN_UNKNOWN,
		""},
	    {"a longer name", "PLAINX", NULL, "", CLIENT_LOGIN_UNKNOWN, ""},
	    {"a shorter name", "PLAI", NULL, "", CLIENT_LOGIN_UNKNOWN, ""},
	    {"no name", "", NULL, "", CLIENT_LOGIN_UNKNOWN, ""},
	    {"SCRAM", "SCRAM-SHA-256", NULL, "", CLIENT_LOGIN_UNKNOWN, ""},
	    {"an end", "PLAIN", NULL, "", CLIENT_LOGIN_INCOMPLETE, "334 \r\n"},
	    {"an end within a line", "PLAIN", NULL, "AGEAYg==", CLIENT_LOGIN_INCOMPLETE,
		"334 \r\n"},
	    {"an end after the user", "LOGIN", NULL, "dXNlcg==\r\n",
		CLIENT_LOGIN_INCOMPLETE, "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};
		int r = run(&s, rows[i].mechanism, rows[i].initial, rows[i].said, "334 ");

		ck_assert_msg(
		    r == rows[i].want, "%s: %d (%s)", rows[i].label, r, s.x.why);
		ck_assert_msg(
		    strcmp(scene_heard(s.client_fd, &heard), rows[i].heard) == 0,
		    "%s: the client was told '%s'", rows[i].label, secret_str(&heard));
	}
}
END_TEST

START_TEST(test_the_prompt_is_the_protocols)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret heard = {0};

	ck_assert_int_eq(
	    run(&s, "LOGIN", NULL, "YQ==\r\nYg==\r\n", "+ "), CLIENT_LOGIN_ACCEPTED);
	ck_assert_str_eq(
	    scene_heard(s.client_fd, &heard), "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n");
}
END_TEST

START_TEST(test_only_the_name_counts_of_what_is_longer)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	ck_assert_int_eq(client_login_run(&s.x, "PLAIN AGEAYg==", 5, "AGEAYg== x", 8, ""),
	    CLIENT_LOGIN_ACCEPTED);
}
END_TEST

START_TEST(test_responses_have_a_bound)
{
	static const struct {
		size_t len;
		int want;
	} rows[] = {
	    {CLIENT_SASL_MAX - 4, CLIENT_LOGIN_ACCEPTED},
	    {CLIENT_SASL_MAX, CLIENT_LOGIN_TOO_LONG},
	    {8 * CLIENT_SASL_MAX, CLIENT_LOGIN_TOO_LONG},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret said = {0};
		_cleanup_scene_ struct scene s;
		struct line line;
		int r;

		repeated_text(&said, "QUFB", rows[i].len / 4);
		ck_assert_int_eq(secret_puts(&said, "\r\nNOOP\r\n"), 0);
		r = run(&s, "PLAIN", NULL, said.data, "");
		ck_assert_msg(r == rows[i].want, "%zu: %d", rows[i].len, r);
		/* the next line is intact */
		ck_assert_int_eq(exchange_line(&s.x, 100, &line), 1);
		ck_assert_mem_eq(line.text, "NOOP", line.len);
	}
}
END_TEST

START_TEST(test_credentials_do_not_stay_in_freed_memory)
{
	struct scene s;

	freed_memory_watch("aHVudGVyMg");
	ck_assert_int_eq(run(&s, "LOGIN", NULL, "aHVudGVyMg==\r\naHVudGVyMg==\r\n", ""),
	    CLIENT_LOGIN_ACCEPTED);
	scene_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	freed_memory_watch("hunter2");
	ck_assert_int_eq(run(&s, "PLAIN", "aHVudGVyMg==", "", ""), CLIENT_LOGIN_ACCEPTED);
	scene_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

/* Whom a client's grant may be for, and what became of it. */
struct grant {
	int result; /* of the login upstream */
	unsigned logins;
	struct secret credential; /* the last one */
};

static int log_in(struct exchange *x, const struct secret *credential)
{
	struct grant *g = x->userdata;

	g->logins++;
	secret_clear(&g->credential);
	ck_assert_int_eq(
	    secret_append(&g->credential, credential->data, credential->len), 0);
	x->logged_in = g->result == 0;
	if (g->result < 0)
		x->login_why = strdup("the helper says no");
	return g->result;
}

/* `response` is what the mechanism's base64 holds, said with the command. */
static int run_grant(struct scene *s, struct grant *g, const char *mechanism,
    const char *response, const char *said)
{
	_cleanup_secret_ struct secret encoded = {0};

	scene_begin(s, &protocol_smtp);
	s->x.heard = true;
	s->x.access = ACCESS_CLIENT_GRANT;
	s->x.user = "us@example.com";
	s->x.log_in = log_in;
	s->x.userdata = g;
	scene_client_says(s, said);
	scene_client_ends(s);
	ck_assert_int_eq(base64_encode(response, strlen(response), &encoded), 0);
	return client_login_run(&s->x, mechanism, strlen(mechanism), secret_str(&encoded),
	    encoded.len, "334 ");
}

#define BEARER(user) "user=" user "\1auth=Bearer gr.ant\1\1"
#define OAUTHBEARER(header) "n," header ",\1auth=Bearer gr.ant\1\1"
#define FAILURE "334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n"

START_TEST(test_grants)
{
	static const struct {
		const char *label, *mechanism, *response, *said;
		int result, want;
		unsigned logins;
		int login_error;
		const char *heard;
	} rows[] = {
	    {"good", "XOAUTH2", BEARER("us@example.com"), "", 0, CLIENT_LOGIN_ACCEPTED, 1,
		0, ""},
	    {"good, OAUTHBEARER", "oauthbearer", OAUTHBEARER("a=us@example.com"), "", 0,
		CLIENT_LOGIN_ACCEPTED, 1, 0, ""},
	    {"good, no user", "OAUTHBEARER", OAUTHBEARER(""), "", 0,
		CLIENT_LOGIN_ACCEPTED, 1, 0, ""},
	    {"another user", "XOAUTH2", BEARER("them@example.com"), "", 0,
		CLIENT_LOGIN_REFUSED, 0, -EBADMSG, ""},
	    {"a user that begins so", "XOAUTH2", BEARER("us@example.com.x"), "", 0,
		CLIENT_LOGIN_REFUSED, 0, -EBADMSG, ""},
	    {"a user in another case", "XOAUTH2", BEARER("Us@example.com"), "", 0,
		CLIENT_LOGIN_REFUSED, 0, -EBADMSG, ""},
	    {"another user, OAUTHBEARER", "OAUTHBEARER",
		OAUTHBEARER("a=them@example.com"), "AQ==\r\n", 0, CLIENT_LOGIN_REFUSED, 0,
		-EBADMSG, FAILURE},
	    {"malformed", "XOAUTH2", "user=us@example.com", "", 0, CLIENT_LOGIN_MALFORMED,
		0, -EBADMSG, ""},
	    {"malformed, OAUTHBEARER", "OAUTHBEARER", "n", "", 0, CLIENT_LOGIN_MALFORMED,
		0, -EBADMSG, ""},
	    {"the grant is refused", "XOAUTH2", BEARER("us@example.com"), "",
		-EKEYREVOKED, CLIENT_LOGIN_REFUSED, 1, -EKEYREVOKED, ""},
	    {"the identity is refused", "XOAUTH2", BEARER("us@example.com"), "", -EACCES,
		CLIENT_LOGIN_REFUSED, 1, -EACCES, ""},
	    {"refused, OAUTHBEARER", "OAUTHBEARER", OAUTHBEARER(""), "AQ==\r\n",
		-EKEYREVOKED, CLIENT_LOGIN_REFUSED, 1, -EKEYREVOKED, FAILURE},
	    {"refused, answered by what is no base64", "OAUTHBEARER", OAUTHBEARER(""),
		"\1\r\n", -EKEYREVOKED, CLIENT_LOGIN_REFUSED, 1, -EKEYREVOKED, FAILURE},
	    {"refused, cancelled", "OAUTHBEARER", OAUTHBEARER(""), "*\r\n", -EKEYREVOKED,
		CLIENT_LOGIN_REFUSED, 1, -EKEYREVOKED, FAILURE},
	    {"refused, not answered", "OAUTHBEARER", OAUTHBEARER(""), "", -EKEYREVOKED,
		CLIENT_LOGIN_INCOMPLETE, 1, -EKEYREVOKED, FAILURE},
	    {"no token now", "XOAUTH2", BEARER("us@example.com"), "", -EAGAIN,
		CLIENT_LOGIN_UNAVAILABLE, 1, -EAGAIN, ""},
	    {"no token now, OAUTHBEARER", "OAUTHBEARER", OAUTHBEARER(""), "", -EAGAIN,
		CLIENT_LOGIN_UNAVAILABLE, 1, -EAGAIN, ""},
	    {"our client is refused", "XOAUTH2", BEARER("us@example.com"), "", -ENOKEY,
		CLIENT_LOGIN_UNAVAILABLE, 1, -ENOKEY, ""},
	    {"no server", "XOAUTH2", BEARER("us@example.com"), "", -ECONNREFUSED,
		CLIENT_LOGIN_UNAVAILABLE, 1, -ECONNREFUSED, ""},
	    {"the client is gone", "XOAUTH2", BEARER("us@example.com"), "", -ECONNABORTED,
		-ECONNABORTED, 1, 0, ""},
	    {"PLAIN", "PLAIN", "\1", "", 0, CLIENT_LOGIN_UNKNOWN, 0, 0, ""},
	    {"LOGIN", "LOGIN", "user", "", 0, CLIENT_LOGIN_UNKNOWN, 0, 0, ""},
	    {"CRAM-MD5", "CRAM-MD5", "", "", 0, CLIENT_LOGIN_UNKNOWN, 0, 0, ""},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct grant g = {.result = rows[i].result};
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};
		int r =
		    run_grant(&s, &g, rows[i].mechanism, rows[i].response, rows[i].said);

		ck_assert_msg(
		    r == rows[i].want, "%s: %d (%s)", rows[i].label, r, s.x.why);
		ck_assert_msg(
		    g.logins == rows[i].logins &&
			strcmp(secret_str(&g.credential), g.logins ? "gr.ant" : "") == 0,
		    "%s: %u logins, with '%s'", rows[i].label, g.logins,
		    secret_str(&g.credential));
		ck_assert_msg(s.x.login_error == rows[i].login_error &&
				  exchange_is_open(&s.x) == (r == CLIENT_LOGIN_ACCEPTED),
		    "%s: the session's error is %d", rows[i].label, s.x.login_error);
		ck_assert_msg((s.x.login_error < 0) == (s.x.login_why != NULL) ||
				  r == -ECONNABORTED,
		    "%s: the reason is '%s'", rows[i].label, s.x.login_why);
		ck_assert_msg(
		    strcmp(scene_heard(s.client_fd, &heard), rows[i].heard) == 0,
		    "%s: the client was told '%s'", rows[i].label, secret_str(&heard));
		secret_done(&g.credential);
	}
}
END_TEST

START_TEST(test_a_login_that_works_makes_good_for_those_before)
{
	struct grant g = {.result = -EKEYREVOKED};
	_cleanup_scene_ struct scene s;

	ck_assert_int_eq(run_grant(&s, &g, "XOAUTH2", BEARER("us@example.com"), ""),
	    CLIENT_LOGIN_REFUSED);
	g.result = 0;
	ck_assert_int_eq(
	    client_login_run(&s.x, "XOAUTH2", 7,
		"dXNlcj11c0BleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBnci5hbnQBAQ==", 56, "334 "),
	    CLIENT_LOGIN_ACCEPTED);
	ck_assert_int_eq(s.x.login_error, 0);
	secret_done(&g.credential);
}
END_TEST

START_TEST(test_grants_do_not_stay_in_freed_memory)
{
	static const int results[] = {0, -EKEYREVOKED, -EAGAIN};

	for (size_t i = 0; i < ELEMENTSOF(results); i++) {
		struct grant g = {.result = results[i]};
		struct scene s;

		freed_memory_watch("gr.ant");
		(void)run_grant(&s, &g, "XOAUTH2", BEARER("us@example.com"), "");
		secret_done(&g.credential);
		scene_done(&s);
		ck_assert_uint_eq(freed_memory_hits(), 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_dialogues,
	    test_the_prompt_is_the_protocols,
	    test_only_the_name_counts_of_what_is_longer,
	    test_responses_have_a_bound,
	    test_credentials_do_not_stay_in_freed_memory,
	    test_grants,
	    test_a_login_that_works_makes_good_for_those_before,
	    test_grants_do_not_stay_in_freed_memory,
	};

	return check_program("client-login", tests, ELEMENTSOF(tests));
}
