/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP towards a client: what is answered here, what starts the relay, what it may see of
 * the server. */

#include "smtp.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "freed-memory.h"
#include "protocol-rows.h"
#include "repeated-text.h"

#define GREETING "220 maildest.host.example ESMTP ready\r\n"

START_TEST(test_clients_see_what_is_theirs)
{
	static const struct {
		const char *keywords;
		enum client_login login;
		const char *want;
	} rows[] = {
	    {"", CLIENT_LOGIN_NONE, GREETING "250 maildest.host.example\r\n"},
	    {"", CLIENT_LOGIN_ANY,
		GREETING "250-maildest.host.example\r\n250 AUTH PLAIN LOGIN\r\n"},
	    {"", CLIENT_LOGIN_PREAUTH, GREETING "250 maildest.host.example\r\n"},
	    {"SIZE 1000\n8BITMIME\nPIPELINING", CLIENT_LOGIN_NONE,
		GREETING "250-maildest.host.example\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
			 "250 PIPELINING\r\n"},
	    {"STARTTLS\nAUTH PLAIN\nAUTH=LOGIN\nSIZE", CLIENT_LOGIN_NONE,
		GREETING "250-maildest.host.example\r\n250 SIZE\r\n"},
	    {"starttls\nauth\nXclient NAME\nXFORWARD ADDR\nREQUIRETLS\nBURL imap",
		CLIENT_LOGIN_NONE, GREETING "250 maildest.host.example\r\n"},
	    {"STARTTLSX\nXAUTH\nAUTHX\nBURLY", CLIENT_LOGIN_NONE,
		GREETING "250-maildest.host.example\r\n250-STARTTLSX\r\n250-XAUTH\r\n"
			 "250-AUTHX\r\n250 BURLY\r\n"},
	    {"\nSIZE\n\nDSN\n", CLIENT_LOGIN_ANY,
		GREETING "250-maildest.host.example\r\n250-SIZE\r\n250-DSN\r\n"
			 "250 AUTH PLAIN LOGIN\r\n"},
	    {"%s%n", CLIENT_LOGIN_NONE,
		GREETING "250-maildest.host.example\r\n250 %s%n\r\n"},
	};
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};

		(void)scene_converse(
		    &s, &protocol_smtp, rows[i].login, rows[i].keywords, "EHLO x\r\n");
		ck_assert_msg(strcmp(scene_heard(s.client_fd, &heard), rows[i].want) == 0,
		    "'%s': '%s'", rows[i].keywords, secret_str(&heard));
	}
}
END_TEST

/* Behind the greeting. */
START_TEST(test_dialogues)
{
	static const struct dialogue_row rows[] = {
	    {"MAIL starts the relay", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n", 0, "",
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"},
	    {"in lower case", "mail from:<>\n", 0, "", "mail from:<>\n"},
	    {"HELO", "HELO x\r\nMAIL FROM:<a@b>\r\n", 0, "250 maildest.host.example\r\n",
		"MAIL FROM:<a@b>\r\n"},
	    {"what is ours to answer",
		"NOOP\r\nnoop x\r\nRSET\r\nHELP\r\nVRFY "
		"a\r\nSTARTTLS\r\nQUIT\r\nNOOP\r\n",
		1,
		"250 2.0.0 OK\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n214 2.0.0 maildest "
		"passes mail on to a mail server\r\n252 2.5.2 Cannot verify, but will "
		"try to deliver\r\n502 5.5.1 Not here: this leg stays on the host\r\n"
		"221 2.0.0 maildest.host.example closing the connection\r\n",
		NULL},
	    {"a login", "AUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b>\r\n", 0,
		"235 2.7.0 Accepted\r\n", "MAIL FROM:<a@b>\r\n"},
	    {"a login, asked", "auth login\r\nYQ==\r\nYg==\r\nMAIL FROM:<a@b>\r\n", 0,
		"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 Accepted\r\n",
		"MAIL FROM:<a@b>\r\n"},
	    {"a second login", "AUTH PLAIN =\r\nAUTH PLAIN =\r\nMAIL FROM:<>\r\n", 0,
		"235 2.7.0 Accepted\r\n503 5.5.1 Already logged in\r\n",
		"MAIL FROM:<>\r\n"},
	    {"a login after a failed one",
		"AUTH PLAIN x\r\nAUTH PLAIN =\r\nMAIL FROM:<>\r\n", 0,
		"501 5.5.2 Cannot decode the response\r\n235 2.7.0 Accepted\r\n",
		"MAIL FROM:<>\r\n"},
	    {"logins that are none",
		"AUTH\r\nAUTH  \r\nAUTH PLAIN a b\r\nAUTH NTLM\r\nAUTH PLAIN\r\n*\r\n"
		"MAIL FROM:<>\r\n",
		0,
		"501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n"
		"501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n"
		"501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n"
		"504 5.5.4 Unknown mechanism\r\n334 \r\n501 5.7.0 Cancelled\r\n",
		"MAIL FROM:<>\r\n"},
	    {"blanks around a login", "AUTH  PLAIN   =  \r\nMAIL FROM:<>\r\n", 0,
		"235 2.7.0 Accepted\r\n", "MAIL FROM:<>\r\n"},
	    {"what is unknown", "FOO\r\n\r\nMAILX\r\nMAIL FROM:<>\r\n", 0,
		"500 5.5.1 No command that is understood here\r\n"
		"500 5.5.1 No command that is understood here\r\n"
		"500 5.5.1 No command that is understood here\r\n",
		"MAIL FROM:<>\r\n"},
	    {"five unknown ones", "A\r\nB\r\nC\r\nD\r\nE\r\nMAIL FROM:<>\r\n", -EOVERFLOW,
		"500 5.5.1 No command that is understood here\r\n"
		"500 5.5.1 No command that is understood here\r\n"
		"500 5.5.1 No command that is understood here\r\n"
		"500 5.5.1 No command that is understood here\r\n"
		"500 5.5.1 No command that is understood here\r\n",
		NULL},
	    {"HTTP", "GET / HTTP/1.1\r\n", -EPERM, "", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		int r = scene_converse(
		    &s, &protocol_smtp, CLIENT_LOGIN_ANY, "", rows[i].said);

		check_dialogue(&s, r, &rows[i], GREETING, "QUIT\r\n");
	}
}
END_TEST

START_TEST(test_a_client_that_leaves_is_followed_by_a_goodbye)
{
	static const char *const said[] = {"", "NOO", "AUTH PLAIN\r\n"};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};

		scene_begin(&s, &protocol_smtp);
		scene_client_says(&s, said[i]);
		scene_client_ends(&s);
		s.upstream.reply_timeout_usec = 1000;
		ck_assert_int_eq(smtp_greet(&s.x), 0);
		ck_assert_int_eq(smtp_converse(&s.x), 1);
		ck_assert_str_eq(scene_heard(s.server_fd, &heard), "QUIT\r\n");
	}
}
END_TEST

START_TEST(test_only_a_login_may_be_long)
{
	static const struct {
		const char *start;
		size_t letters;
		const char *want;
	} rows[] = {
	    {"NOOP ", 8000, "250 2.0.0 OK\r\n"},
	    {"NOOP ", 9000, "500 5.5.2 The line is too long\r\n"},
	    {"AUTH PLAIN ", 60000, "235 2.7.0 Accepted\r\n"},
	    {"auth plain ", 60000, "235 2.7.0 Accepted\r\n"},
	    {"AUTH PLAIN ", 70000, "500 5.5.6 The line is too long\r\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret said = {0}, heard = {0};

		ck_assert_int_eq(secret_puts(&said, rows[i].start), 0);
		repeated_text(&said, "QUFB", rows[i].letters / 4);
		ck_assert_int_eq(secret_puts(&said, "\r\nMAIL FROM:<>\r\n"), 0);
		scene_begin(&s, &protocol_smtp);
		scene_say(s.client_fd, said.data, said.len, SCENE_PACKET_MAX);
		ck_assert_int_eq(smtp_greet(&s.x), 0);
		ck_assert_int_eq(smtp_converse(&s.x), 0);
		ck_assert_str_eq(
		    scene_heard(s.client_fd, &heard) + strlen(GREETING), rows[i].want);
	}
}
END_TEST

START_TEST(test_a_bare_address_goes_line_by_line)
{
	static const char *const said[] = {
	    "MAIL FROM:a@b\r\nDATA\r\n", "MAIL FROM:a@b AUTH=<>\r\nDATA\r\n"};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};

		scene_begin(&s, &protocol_smtp);
		ck_assert_int_eq(secret_puts(&s.client.input, said[i]), 0);
		scene_server_says(&s, "250 OK\r\n");
		ck_assert_int_eq(smtp_greet(&s.x), 0);
		ck_assert_int_eq(smtp_converse(&s.x), 0);
		ck_assert_msg(strncmp(scene_heard(s.server_fd, &heard), "MAIL FROM:<a@b>",
				  strlen("MAIL FROM:<a@b>")) == 0,
		    "'%s': '%s'", said[i], secret_str(&heard));
		ck_assert_str_eq(scene_heard(s.client_fd, &heard), GREETING "250 OK\r\n");
	}
}
END_TEST

START_TEST(test_refusals)
{
	static const struct refusal_row rows[] = {
	    {-EINVAL, "421 4.3.5 the destination's configuration is not usable"},
	    {-EACCES, "421 4.7.0 the mail server refused the login"},
	    {-EPERM, "554 5.7.1 refused: "},
	    {-ENOENT, "421 4.3.0 internal failure"},
	};

	check_refusals(&protocol_smtp, rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_who_has_no_access_does_not_stay)
{
	static const char no[] = "503 5.7.1 Access refused\r\n";
	static const struct {
		const char *said;
		unsigned refused;
		bool is_dismissed;
	} rows[] = {
	    {"", 0, false}, /* silent, and longer so than the test waits */
	    {"QUIT\r\n", 0, true},
	    {"EHLO x\r\nquit\r\n", 1, true},
	    {"NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n", 4, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret want = {0}, heard = {0};
		_cleanup_scene_ struct scene s;
		uint64_t start = deadline_now();

		scene_begin(&s, &protocol_smtp);
		scene_client_says(&s, rows[i].said);
		smtp_dismiss(&s.client, deadline_in(20 * USEC_PER_SEC));
		ck_assert_msg(deadline_now() - start < 10 * USEC_PER_SEC,
		    "'%s': it stays for as long as it likes", rows[i].said);
		for (unsigned n = 0; n < rows[i].refused; n++)
			ck_assert_int_eq(secret_puts(&want, no), 0);
		if (rows[i].is_dismissed)
			ck_assert_int_eq(secret_puts(&want, "221 2.0.0 Bye\r\n"), 0);
		ck_assert_str_eq(scene_heard(s.client_fd, &heard), secret_str(&want));
	}
}
END_TEST

START_TEST(test_credentials_do_not_stay_in_freed_memory)
{
	struct scene s;

	freed_memory_watch("AGEAaHVudGVyMg==");
	ck_assert_int_eq(scene_converse(&s, &protocol_smtp, CLIENT_LOGIN_ANY, "",
			     "AUTH PLAIN AGEAaHVudGVyMg==\r\nMAIL FROM:<>\r\n"),
	    0);
	scene_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_clients_see_what_is_theirs,
	    test_dialogues,
	    test_a_client_that_leaves_is_followed_by_a_goodbye,
	    test_only_a_login_may_be_long,
	    test_a_bare_address_goes_line_by_line,
	    test_refusals,
	    test_who_has_no_access_does_not_stay,
	    test_credentials_do_not_stay_in_freed_memory,
	};

	return check_program("smtp-client", tests, ELEMENTSOF(tests));
}
