/* SPDX-License-Identifier: Apache-2.0 */
/* A client's SASL dialogue with us: any credentials will do, their form is checked. */

#include "client-login.h"

#include <errno.h>
#include <string.h>

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

int main(void)
{
	const TTest *const tests[] = {
	    test_dialogues,
	    test_the_prompt_is_the_protocols,
	    test_only_the_name_counts_of_what_is_longer,
	    test_responses_have_a_bound,
	    test_credentials_do_not_stay_in_freed_memory,
	};

	return check_program("client-login", tests, ELEMENTSOF(tests));
}
