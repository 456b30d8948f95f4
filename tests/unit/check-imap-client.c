/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP towards a client: one greeting for all kinds of clients, what is answered here,
 * and what starts the relay. */

#include "imap.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "protocol-rows.h"
#include "repeated-text.h"

#define WORDS "IMAP4rev1\nSTARTTLS\nAUTH=PLAIN\nIDLE"
#define OFFER "IMAP4rev1 IDLE SASL-IR AUTH=PLAIN AUTH=LOGIN"
#define GREETING "* OK [CAPABILITY " OFFER "] maildest.host.example ready\r\n"
#define LOGGED_IN "OK [CAPABILITY IMAP4rev1 IDLE] Logged in\r\n"

START_TEST(test_greets_as_the_settings_say)
{
	static const struct {
		enum client_login login;
		const char *want;
	} rows[] = {
	    {CLIENT_LOGIN_ANY, GREETING},
	    {CLIENT_LOGIN_PREAUTH,
		"* PREAUTH [CAPABILITY IMAP4rev1 IDLE] maildest.host.example ready\r\n"},
	    {CLIENT_LOGIN_NONE,
		"* OK [CAPABILITY IMAP4rev1 IDLE] maildest.host.example ready\r\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};

		ck_assert_int_eq(scene_converse(&s, &protocol_imap, rows[i].login, WORDS,
				     "a SELECT INBOX\r\n"),
		    0);
		ck_assert_str_eq(scene_heard(s.client_fd, &heard), rows[i].want);
	}
}
END_TEST

/* Behind the greeting. */
START_TEST(test_dialogues)
{
	static const struct dialogue_row rows[] = {
	    {"LOGIN", "a LOGIN x y\r\nb SELECT INBOX\r\n", 0, "a " LOGGED_IN,
		"b SELECT INBOX\r\n"},
	    {"LOGIN quoted", "a login \"x y\" \"\"\r\n", 0, "a " LOGGED_IN, ""},
	    {"LOGIN with literals", "a LOGIN {1}\r\nx {1+}\r\ny\r\nb IDLE\r\n", 0,
		"+ OK\r\na " LOGGED_IN, "b IDLE\r\n"},
	    {"AUTHENTICATE", "a AUTHENTICATE PLAIN AGEAYg==\r\nb", 0, "a " LOGGED_IN,
		"b"},
	    {"AUTHENTICATE, asked", "a authenticate plain\r\nAGEAYg==\r\n", 0,
		"+ \r\na " LOGGED_IN, ""},
	    {"AUTHENTICATE LOGIN", "a AUTHENTICATE LOGIN\r\nYQ==\r\nYg==\r\n", 0,
		"+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\na " LOGGED_IN, ""},
	    {"straight to a mailbox", "a SELECT INBOX\r\n", 0, "", "a SELECT INBOX\r\n"},
	    {"straight to a message", "a append x {3}\r\n", 0, "", "a append x {3}\r\n"},
	    {"straight to an experiment", "a XLIST\r\n", 0, "", "a XLIST\r\n"},
	    {"what is ours to answer",
		"a CAPABILITY\r\nb NOOP\r\nc STARTTLS\r\nd LOGOUT\r\ne NOOP\r\n", 1,
		"* CAPABILITY " OFFER "\r\na OK CAPABILITY done\r\nb OK NOOP done\r\n"
		"c BAD Not here: this leg stays on the host\r\n"
		"* BYE maildest.host.example closing the connection\r\n"
		"d OK LOGOUT done\r\n",
		"e NOOP\r\n"},
	    {"logins that are none",
		"a LOGIN x\r\nb LOGIN x y z\r\nc AUTHENTICATE\r\nd AUTHENTICATE NTLM\r\n"
		"e AUTHENTICATE PLAIN x\r\nf AUTHENTICATE PLAIN\r\n*\r\n"
		"g AUTHENTICATE PLAIN a b\r\n",
		1,
		"a BAD Syntax: LOGIN user password\r\n"
		"b BAD Syntax: LOGIN user password\r\n"
		"c BAD Syntax: AUTHENTICATE mechanism [initial-response]\r\n"
		"d NO [CANNOT] Unknown mechanism\r\n"
		"e BAD Cannot decode the response\r\n"
		"+ \r\nf BAD Cancelled\r\n"
		"g BAD Syntax: AUTHENTICATE mechanism [initial-response]\r\n",
		""},
	    {"what is unknown", "a FOO\r\n+ b\r\n\r\nb FETCH 1\r\n", 1,
		"a BAD No command that is understood here\r\n"
		"* BAD No command that is understood here\r\n"
		"* BAD No command that is understood here\r\n"
		"b BAD No command that is understood "
		"here\r\n",
		""},
	    {"a tag alone", "abc\r\n", 1, "* BAD No command that is understood here\r\n",
		""},
	    {"text that begins like an experiment",
		"a xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 1,
		"a BAD No command that is understood here\r\n", ""},
	    {"a literal in what is unknown", "a FOO {6+}\r\nb LOG\n\r\nc NOOP\r\n", 1,
		"a BAD No command that is understood here\r\nc OK NOOP done\r\n", ""},
	    {"five unknown ones", "a A\r\na B\r\na C\r\na D\r\na E\r\na NOOP\r\n",
		-EOVERFLOW,
		"a BAD No command that is understood here\r\n"
		"a BAD No command that is understood here\r\n"
		"a BAD No command that is understood here\r\n"
		"a BAD No command that is understood here\r\n"
		"a BAD No command that is understood here\r\n",
		NULL},
	    {"HTTP", "GET / HTTP/1.1\r\n", -EPERM, "", NULL},
	    {"an end within a literal", "a LOGIN {9}\r\nx", 1, "+ OK\r\n", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		int r = scene_converse(
		    &s, &protocol_imap, CLIENT_LOGIN_ANY, WORDS, rows[i].said);

		check_dialogue(&s, r, &rows[i], GREETING, "m1 LOGOUT\r\n");
	}
}
END_TEST

START_TEST(test_says_who_we_are_and_nothing_of_the_server)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret heard = {0};

	ck_assert_int_eq(scene_converse(&s, &protocol_imap, CLIENT_LOGIN_ANY, WORDS,
			     "a ID (\"name\" \"x\")\r\n"),
	    1);
	ck_assert_ptr_nonnull(strstr(scene_heard(s.client_fd, &heard),
	    "* ID (\"name\" \"maildest\" \"version\" "));
	ck_assert_ptr_nonnull(strstr(secret_str(&heard), "a OK ID done\r\n"));
}
END_TEST

START_TEST(test_only_a_login_may_be_long)
{
	static const struct {
		const char *start;
		size_t letters;
		const char *want;
		int result;
	} rows[] = {
	    {"a NOOP ", 8000, "a OK NOOP done\r\n", 1},
	    {"a NOOP ", 9000, "a BAD The line is too long\r\n", 1},
	    {"? ", 9000, "? BAD The line is too long\r\n", 1},
	    {"(a ", 9000, "* BAD The line is too long\r\n", 1},
	    {"a AUTHENTICATE PLAIN ", 60000, "a " LOGGED_IN, 0},
	    {"a LOGIN x ", 60000, "a " LOGGED_IN, 0},
	    {"a LIST ", 60000, "", 0},
	    {"a LOGIN x ", 70000, "a BAD The command is too long\r\n", 1},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret said = {0}, heard = {0};
		int r;

		ck_assert_int_eq(secret_puts(&said, rows[i].start), 0);
		repeated_text(&said, "QUFB", rows[i].letters / 4);
		ck_assert_int_eq(secret_puts(&said, "\r\n"), 0);
		scene_begin(&s, &protocol_imap);
		ck_assert_int_eq(secret_puts(&s.upstream.capabilities.words, WORDS), 0);
		s.upstream.reply_timeout_usec = 1000;
		scene_say(s.client_fd, said.data, said.len, SCENE_PACKET_MAX);
		scene_client_ends(&s);
		ck_assert_int_eq(imap_greet(&s.x), 0);
		r = imap_converse(&s.x);
		ck_assert_msg(r == rows[i].result, "%s: %d", rows[i].start, r);
		scene_heard(s.client_fd, &heard);
		ck_assert_msg(heard.len >= strlen(GREETING) + strlen(rows[i].want) &&
				  strcmp(heard.data + heard.len - strlen(rows[i].want),
				      rows[i].want) == 0,
		    "%s: '%s'", rows[i].start, secret_str(&heard));
	}
}
END_TEST

START_TEST(test_refusals)
{
	static const struct refusal_row rows[] = {
	    {-EINVAL,
		"* BYE [UNAVAILABLE] the destination's configuration is not usable"},
	    {-EPERM, "* BYE refused: "},
	    {-ENOENT, "* BYE [UNAVAILABLE] internal failure"},
	};

	check_refusals(&protocol_imap, rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_credentials_do_not_stay_in_freed_memory)
{
	struct scene s;

	freed_memory_watch("hunter2");
	ck_assert_int_eq(scene_converse(&s, &protocol_imap, CLIENT_LOGIN_ANY, WORDS,
			     "a LOGIN x \"hunter2\"\r\n"),
	    0);
	scene_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_greets_as_the_settings_say,
	    test_dialogues,
	    test_says_who_we_are_and_nothing_of_the_server,
	    test_only_a_login_may_be_long,
	    test_refusals,
	    test_credentials_do_not_stay_in_freed_memory,
	};

	return check_program("imap-client", tests, ELEMENTSOF(tests));
}
