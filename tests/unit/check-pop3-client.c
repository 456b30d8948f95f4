/* SPDX-License-Identifier: Apache-2.0 */
/* POP3 towards a client: what is answered here, what starts the relay, what it may see of
 * the server. */

#include "pop3.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "protocol-rows.h"
#include "repeated-text.h"

#define GREETING "+OK maildest.host.example ready\r\n"
#define LIST "+OK Capability list follows\r\n"
#define NO_COMMAND "-ERR No command that is understood here\r\n"
#define SYNTAX "-ERR Syntax: AUTH mechanism [initial-response]\r\n"

/* A client that has said all this and says no more; a server with this list. */
static void begin(struct scene *s, const char *list, const char *said)
{
	scene_begin(s, &protocol_pop3);
	ck_assert_int_eq(secret_puts(&s->upstream.capabilities.words, list), 0);
	scene_client_says(s, said);
	scene_client_ends(s);
	s->upstream.reply_timeout_usec = 1000; /* nobody answers a goodbye */
}

static int converse(struct scene *s)
{
	ck_assert_int_eq(pop3_greet(&s->x), 0);
	return pop3_converse(&s->x);
}

START_TEST(test_clients_see_what_is_theirs)
{
	static const struct {
		const char *list;
		enum client_login login;
		enum exchange_access access;
		const char *want; /* of the list */
	} rows[] = {
	    {"", CLIENT_LOGIN_NONE, ACCESS_LOGGED_IN, ""},
	    {"", CLIENT_LOGIN_ANY, ACCESS_LOGGED_IN, "USER\r\nSASL PLAIN LOGIN\r\n"},
	    {"", CLIENT_LOGIN_PREAUTH, ACCESS_LOGGED_IN, ""},
	    {"", CLIENT_LOGIN_ANY, ACCESS_CLIENT_GRANT, "SASL XOAUTH2 OAUTHBEARER\r\n"},
	    {"TOP\nUIDL\nLOGIN-DELAY 900 USER", CLIENT_LOGIN_NONE, ACCESS_LOGGED_IN,
		"TOP\r\nUIDL\r\nLOGIN-DELAY 900 USER\r\n"},
	    {"STLS\nUSER\nSASL PLAIN\nUTF8 USER\nTOP", CLIENT_LOGIN_NONE,
		ACCESS_LOGGED_IN, "TOP\r\n"},
	    {"stls\nuser\nsasl\nutf8", CLIENT_LOGIN_NONE, ACCESS_LOGGED_IN, ""},
	    {"STLSX\nXUSER\nSASLX\nUTF88", CLIENT_LOGIN_NONE, ACCESS_LOGGED_IN,
		"STLSX\r\nXUSER\r\nSASLX\r\nUTF88\r\n"},
	    {"\nTOP\n\nUIDL\n", CLIENT_LOGIN_NONE, ACCESS_LOGGED_IN, "TOP\r\nUIDL\r\n"},
	    {".\n.X\nX.", CLIENT_LOGIN_NONE, ACCESS_LOGGED_IN, "..\r\n..X\r\nX.\r\n"},
	    {"%s%n", CLIENT_LOGIN_NONE, ACCESS_LOGGED_IN, "%s%n\r\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0}, want = {0};

		begin(&s, rows[i].list, "CAPA\r\n");
		s.x.client_login = rows[i].login;
		s.x.access = rows[i].access;
		ck_assert_int_eq(converse(&s), 1);
		ck_assert_int_eq(
		    secret_concat(&want, GREETING LIST, rows[i].want, ".\r\n", NULL), 0);
		ck_assert_msg(
		    strcmp(scene_heard(s.client_fd, &heard), secret_str(&want)) == 0,
		    "'%s': '%s'", rows[i].list, secret_str(&heard));
	}
}
END_TEST

/* Behind the greeting. */
START_TEST(test_dialogues)
{
	static const struct dialogue_row rows[] = {
	    {"LIST starts the relay", "LIST\r\nDELE 1\r\n", 0, "", "LIST\r\nDELE 1\r\n"},
	    {"in lower case", "retr  1\n", 0, "", "retr  1\n"},
	    {"so does a login, which stays here", "USER a\r\nPASS b\r\nSTAT\r\n", 0,
		"+OK\r\n+OK Logged in\r\n", "STAT\r\n"},
	    {"of any kind", "APOP a b\r\nSTAT\r\n", 0, "+OK Logged in\r\n", "STAT\r\n"},
	    {"by SASL", "AUTH PLAIN AGEAYg==\r\nSTAT\r\n", 0, "+OK Logged in\r\n",
		"STAT\r\n"},
	    {"by SASL, asked", "auth login\r\nYQ==\r\nYg==\r\nSTAT\r\n", 0,
		"+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n+OK Logged in\r\n", "STAT\r\n"},
	    {"without a name and a password", "USER\r\nPASS\r\n", 0,
		"+OK\r\n+OK Logged in\r\n", ""},
	    {"what is ours to answer",
		"STLS\r\nauth\r\nuser x\r\nCAPA\r\nQUIT\r\nLIST\r\n", 1,
		"-ERR Not here: this leg stays on the host\r\n+OK Mechanisms follow\r\n"
		"PLAIN\r\nLOGIN\r\n.\r\n+OK\r\n" LIST "USER\r\nSASL PLAIN LOGIN\r\n.\r\n"
		"+OK maildest.host.example closing the connection\r\n",
		NULL},
	    {"a password first", "PASS b\r\nLIST\r\n", 0, "-ERR USER comes first\r\n",
		"LIST\r\n"},
	    {"logins that are none",
		"AUTH PLAIN a b\r\nAUTH NTLM\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN "
		"x\r\nLIST\r\n",
		0,
		SYNTAX "-ERR Unknown mechanism\r\n+ \r\n-ERR Cancelled\r\n"
		       "-ERR Cannot decode the response\r\n",
		"LIST\r\n"},
	    {"blanks around a login", "AUTH  PLAIN   =  \r\nLIST\r\n", 0,
		"+OK Logged in\r\n", "LIST\r\n"},
	    {"what is unknown", "FOO\r\n\r\nLISTX\r\nUTF8\r\nLIST\r\n", 0,
		NO_COMMAND NO_COMMAND NO_COMMAND NO_COMMAND, "LIST\r\n"},
	    {"five unknown ones", "A\r\nB\r\nC\r\nD\r\nE\r\nLIST\r\n", -EOVERFLOW,
		NO_COMMAND NO_COMMAND NO_COMMAND NO_COMMAND NO_COMMAND, NULL},
	    {"HTTP", "GET / HTTP/1.1\r\n", -EPERM, "", NULL},
	    {"no letter", "1 LIST\r\n", -EPERM, "", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;

		begin(&s, "", rows[i].said);
		check_dialogue(&s, converse(&s), &rows[i], GREETING, "QUIT\r\n");
	}
}
END_TEST

START_TEST(test_a_mailbox_is_closed_until_the_grant_is_redeemed)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret heard = {0};

	begin(
	    &s, "", "LIST\r\nUSER a\r\nPASS b\r\nAPOP a b\r\nAUTH PLAIN =\r\nRETR 1\r\n");
	s.x.access = ACCESS_CLIENT_GRANT;
	ck_assert_int_eq(converse(&s), 1);
	ck_assert_str_eq(scene_heard(s.client_fd, &heard),
	    GREETING "-ERR Log in first\r\n"
		     "-ERR Log in with AUTH XOAUTH2 or OAUTHBEARER\r\n"
		     "-ERR Log in with AUTH XOAUTH2 or OAUTHBEARER\r\n"
		     "-ERR Log in with AUTH XOAUTH2 or OAUTHBEARER\r\n"
		     "-ERR Unknown mechanism\r\n-ERR Log in first\r\n");
}
END_TEST

START_TEST(test_a_stamp_from_before_tls_is_not_passed_on)
{
	static const struct {
		const char *theirs;
		bool upgraded;
		const char *want;
	} rows[] = {
	    {"+OK hi\r\n", true, "+OK hi\r\n"},
	    {"+OK hi <1.2@x>\r\n", false, "+OK hi <1.2@x>\r\n"},
	    {"+OK hi <1.2@x>\r\n", true, "+OK hi \r\n"},
	    {"+OK <1.2@x>\n", true, "+OK \n"},
	    {"+OK <1@x> and <2@x> too\r\n", true, "+OK  too\r\n"},
	    {"+OK a > b < c\r\n", true, "+OK a > b < c\r\n"},
	    {"+OK <half\r\n", true, "+OK <half\r\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};

		begin(&s, "", "USER a\r\n");
		s.x.access = ACCESS_PASS_THROUGH;
		s.upstream.upgraded = rows[i].upgraded;
		ck_assert_int_eq(secret_puts(&s.upstream.greeting, rows[i].theirs), 0);
		ck_assert_int_eq(converse(&s), 0);
		ck_assert_str_eq(scene_heard(s.client_fd, &heard), rows[i].want);
		ck_assert_str_eq(secret_str(&s.client.input), "USER a\r\n");
	}
}
END_TEST

START_TEST(test_a_client_that_leaves_is_followed_by_a_goodbye)
{
	static const char *const said[] = {"", "LIS", "AUTH PLAIN\r\n", "USER a\r\n"};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};

		begin(&s, "", said[i]);
		ck_assert_int_eq(converse(&s), 1);
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
	    {"USER ", 8000, "+OK\r\n"},
	    {"USER ", 9000, "-ERR The line is too long\r\n"},
	    {"LIST ", 9000, "-ERR The line is too long\r\n"},
	    {"AUTH PLAIN ", 60000, "+OK Logged in\r\n"},
	    {"auth plain ", 60000, "+OK Logged in\r\n"},
	    {"AUTH PLAIN ", 70000, "-ERR The line is too long\r\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret said = {0}, heard = {0};

		ck_assert_int_eq(secret_puts(&said, rows[i].start), 0);
		repeated_text(&said, "QUFB", rows[i].letters / 4);
		ck_assert_int_eq(secret_puts(&said, "\r\nLIST\r\n"), 0);
		begin(&s, "", said.data);
		ck_assert_int_eq(converse(&s), 0);
		ck_assert_str_eq(
		    scene_heard(s.client_fd, &heard) + strlen(GREETING), rows[i].want);
		ck_assert_str_eq(secret_str(&s.client.input), "LIST\r\n");
	}
}
END_TEST

START_TEST(test_refusals)
{
	static const struct refusal_row rows[] = {
	    {-EINVAL, "-ERR [SYS/TEMP] the destination's configuration is not usable"},
	    {-EACCES, "-ERR [SYS/TEMP] the mail server refused the login"},
	    {-EPERM, "-ERR [SYS/PERM] refused: "},
	    {-EREMOTE, "-ERR [AUTH] access refused"},
	    {-EOVERFLOW, "-ERR too many errors"},
	    {-ENOENT, "-ERR [SYS/TEMP] internal failure"},
	};

	check_refusals(&protocol_pop3, rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_credentials_do_not_stay_in_freed_memory)
{
	static const char *const said[] = {
	    "AUTH PLAIN AGEAaHVudGVyMg==\r\nLIST\r\n",
	    "USER a\r\nPASS AGEAaHVudGVyMg==\r\nLIST\r\n",
	};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		struct scene s;

		freed_memory_watch("AGEAaHVudGVyMg==");
		begin(&s, "", said[i]);
		ck_assert_int_eq(converse(&s), 0);
		scene_done(&s);
		ck_assert_uint_eq(freed_memory_hits(), 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_clients_see_what_is_theirs,
	    test_dialogues,
	    test_a_mailbox_is_closed_until_the_grant_is_redeemed,
	    test_a_stamp_from_before_tls_is_not_passed_on,
	    test_a_client_that_leaves_is_followed_by_a_goodbye,
	    test_only_a_login_may_be_long,
	    test_refusals,
	    test_credentials_do_not_stay_in_freed_memory,
	};

	return check_program("pop3-client", tests, ELEMENTSOF(tests));
}
