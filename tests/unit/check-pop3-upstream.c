/* SPDX-License-Identifier: Apache-2.0 */
/* POP3 towards a server: greetings, replies of all kinds, capabilities and logins. */

#include "pop3.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "protocol-rows.h"

START_TEST(test_greetings)
{
	static const struct {
		const char *said;
		int want;
		const char *why; /* NULL: none */
	} rows[] = {
	    {"+OK ready\r\n", 0, NULL},
	    {"+OK\r\n", 0, NULL},
	    {"+ok ready\n", 0, NULL},
	    {"+OK <1.2@example.com>\r\n", 0, NULL},
	    {"-ERR too many of you\r\n", -EBUSY, "too many of you"},
	    {"-ERR [SYS/PERM] go away\r\n", -EBUSY, "go away"},
	    {"-err\r\n", -EBUSY, "refuses service"},
	    {"+\r\n", -EPROTO, "no POP3 greeting"},
	    {"+ OK\r\n", -EPROTO, "no POP3 greeting"},
	    {"+OKAY\r\n", -EPROTO, "no POP3 greeting"},
	    {"-ERROR\r\n", -EPROTO, "no POP3 greeting"},
	    {"OK\r\n", -EPROTO, "no POP3 greeting"},
	    {"* OK IMAP4rev1\r\n", -EPROTO, "no POP3 greeting"},
	    {"220 SMTP\r\n", -EPROTO, "no POP3 greeting"},
	    {"\r\n", -EPROTO, "no POP3 greeting"},
	    {"+OK rea", -ECONNRESET, "closed"},
	    {"", -ECONNRESET, "closed"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		int r;

		scene_server_said(&s, &protocol_pop3, rows[i].said, strlen(rows[i].said),
		    SCENE_PACKET_MAX);
		r = pop3_greeting(&s.upstream);
		ck_assert_msg(r == rows[i].want, "'%s': %d", rows[i].said, r);
		ck_assert_msg(rows[i].why
				  ? s.upstream.why && strstr(s.upstream.why, rows[i].why)
				  : !s.upstream.why,
		    "'%s': the reason is '%s'", rows[i].said, s.upstream.why);
		if (r == 0)
			ck_assert_str_eq(secret_str(&s.upstream.greeting), rows[i].said);
	}
}
END_TEST

/* Answers to CAPA. */
static const struct {
	const char *label, *said;
	int want;
	unsigned mechanisms;
	bool starttls, disabled;
	const char *words;
} lists[] = {
    {"plain", "+OK\r\nSASL PLAIN\r\n.\r\n", 0, SASL_PLAIN, false, true, "SASL PLAIN"},
    {"all we know",
	"+OK list\r\nSTLS\r\nUSER\r\nSASL XOAUTH2 OAUTHBEARER LOGIN "
	"SCRAM-SHA-256\r\n.\r\n",
	0, SASL_XOAUTH2 | SASL_OAUTHBEARER | SASL_LOGIN | SASL_SCRAM_SHA_256, true, false,
	"STLS\nUSER\nSASL XOAUTH2 OAUTHBEARER LOGIN SCRAM-SHA-256"},
    {"two lists of mechanisms", "+OK\r\nSASL PLAIN\r\nSASL LOGIN\r\n.\r\n", 0,
	SASL_PLAIN | SASL_LOGIN, false, true, "SASL PLAIN\nSASL LOGIN"},
    {"another case", "+ok\nstls\nuser\nsasl plain\n.\n", 0, SASL_PLAIN, true, false,
	"stls\nuser\nsasl plain"},
    {"blanks", "+OK\r\nSASL   PLAIN  LOGIN  \r\n.\r\n", 0, SASL_PLAIN | SASL_LOGIN, false,
	true, "SASL   PLAIN  LOGIN  "},
    {"words that only begin so",
	"+OK\r\nSTLSX\r\nUSERS\r\nSASLPLAIN\r\nSASL\r\nSASL \r\nSASL PLAINX\r\n.\r\n", 0,
	0, false, true, "STLSX\nUSERS\nSASLPLAIN\nSASL\nSASL \nSASL PLAINX"},
    {"dots", "+OK\r\n..\r\n..USER\r\n...\r\n.\r\n", 0, 0, false, true, ".\n.USER\n.."},
    {"a dot that was not doubled", "+OK\r\n.USER\r\n.\r\n", 0, 0, false, false, "USER"},
    {"an empty line", "+OK\r\n\r\nUSER\r\n.\r\n", 0, 0, false, false, "USER"},
    {"no line", "+OK\r\n.\r\n", 0, 0, false, true, ""},
    {"no CAPA", "-ERR what?\r\n", 0, 0, false, false, ""},
    {"no CAPA, marked", "-ERR [AUTH] what?\r\n", 0, 0, false, false, ""},
    {"no CAPA now", "-ERR [SYS/TEMP] later\r\n", -EBUSY, 0, false, false, NULL},
    {"a continuation", "+ go on\r\n", -EPROTO, 0, false, false, NULL},
    {"garbage", "hello\r\n", -EPROTO, 0, false, false, NULL},
    {"a status and more", "+OKUSER\r\n.\r\n", -EPROTO, 0, false, false, NULL},
    {"no status", "\r\n", -EPROTO, 0, false, false, NULL},
    {"an end before the end", "+OK\r\nUSER\r\n", -ECONNRESET, 0, false, false, NULL},
    {"an end at the end", "+OK\r\nUSER\r\n.", -ECONNRESET, 0, false, false, NULL},
};

static void check_list(size_t i, size_t at, struct scene *s)
{
	const struct capabilities *c = &s->upstream.capabilities;

	if (check_capabilities(
		s, &protocol_pop3, lists[i].label, at, lists[i].want, lists[i].words) &&
	    (c->mechanisms != lists[i].mechanisms || c->starttls != lists[i].starttls ||
		c->login_disabled != lists[i].disabled))
		ck_abort_msg("%s, %zu: is misunderstood", lists[i].label, at);
}

START_TEST(test_reads_capabilities_split_at_each_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(lists); i++)
		check_split_at_each_byte(&protocol_pop3, lists[i].said, check_list, i);
}
END_TEST

START_TEST(test_reads_capabilities_byte_by_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(lists); i++)
		check_byte_by_byte(&protocol_pop3, lists[i].said, check_list, i);
}
END_TEST

START_TEST(test_known_capabilities_are_not_asked_for)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret heard = {0};

	scene_begin(&s, &protocol_pop3);
	scene_server_says(&s, "+OK\r\nSTLS\r\n.\r\n");
	ck_assert_int_eq(pop3_capabilities(&s.upstream), 0);
	ck_assert_int_eq(pop3_capabilities(&s.upstream), 0);
	ck_assert_str_eq(scene_heard(s.server_fd, &heard), "CAPA\r\n");
	upstream_forget_capabilities(&s.upstream);
	ck_assert(!s.upstream.capabilities.starttls);
	scene_server_says(&s, "-ERR\r\n");
	ck_assert_int_eq(pop3_capabilities(&s.upstream), 0);
	ck_assert_str_eq(scene_heard(s.server_fd, &heard), "CAPA\r\n");
}
END_TEST

START_TEST(test_lists_have_bounds)
{
	static const struct bound_row rows[] = {
	    {"lines", "+OK\r\n", "X\r\n", POP3_LINES_MAX - 1, ".\r\n", 0},
	    {"too many lines", "+OK\r\n", "X\r\n", POP3_LINES_MAX, ".\r\n", -EPROTO},
	    {"a line", "+OK\r\n", "x", POP3_LINE_MAX - 2, "\r\n.\r\n", 0},
	    {"a long line", "+OK\r\n", "x", POP3_LINE_MAX - 1, "\r\n.\r\n", -EPROTO},
	    {"a status", "+OK ", "x", POP3_LINE_MAX - 6, "\r\n.\r\n", 0},
	    {"a long status", "+OK ", "x", POP3_LINE_MAX - 5, "\r\n.\r\n", -EPROTO},
	};

	check_bounds(&protocol_pop3, rows, ELEMENTSOF(rows));
}
END_TEST

static const struct verb_row verbs[] = {
    {"starttls", "+OK go\r\n", 0, false, "STLS\r\n"},
    {"starttls", "-ERR no\r\n", -EBUSY, false, "STLS\r\n"},
    {"starttls", "+ go\r\n", -EBUSY, false, "STLS\r\n"},
    {"starttls", "", -ECONNRESET, false, "STLS\r\n"},
    {"auth", "+ VXNlcm5hbWU6\r\n", 1, false, "AUTH LOGIN\r\n"},
    {"auth", "+OK in\r\n", 0, false, "AUTH LOGIN\r\n"},
    {"auth", "-ERR no such mechanism\r\n", -EACCES, true, "AUTH LOGIN\r\n"},
    {"answer", "+OK in\r\n", 0, false, "dXNlcg==\r\n"},
    {"answer", "+\r\n", 1, false, "dXNlcg==\r\n"},
    {"answer", "+ \r\n", 1, false, "dXNlcg==\r\n"},
    {"answer", "-ERR\r\n", -EACCES, true, "dXNlcg==\r\n"},
    {"answer", "-ERR wrong\r\n", -EACCES, true, "dXNlcg==\r\n"},
    {"answer", "-ERR [AUTH] wrong\r\n", -EACCES, true, "dXNlcg==\r\n"},
    {"answer", "-ERR [auth]\r\n", -EACCES, true, "dXNlcg==\r\n"},
    {"answer", "-ERR [SYS/TEMP] later\r\n", -EBUSY, false, "dXNlcg==\r\n"},
    {"answer", "-ERR [SYS/PERM] ask\r\n", -EBUSY, false, "dXNlcg==\r\n"},
    {"answer", "-ERR [sys] odd\r\n", -EBUSY, false, "dXNlcg==\r\n"},
    {"answer", "-ERR [IN-USE] locked\r\n", -EBUSY, false, "dXNlcg==\r\n"},
    {"answer", "-ERR [LOGIN-DELAY] soon\r\n", -EBUSY, false, "dXNlcg==\r\n"},
    {"answer", "-ERR [LOGIN-DELAY/X] soon\r\n", -EBUSY, false, "dXNlcg==\r\n"},
    {"answer", "-ERR [SYSTEM] odd\r\n", -EACCES, true, "dXNlcg==\r\n"},
    {"answer", "-ERR [SYS/TEMP odd\r\n", -EBUSY, false, "dXNlcg==\r\n"},
    {"answer", "-ERR in [SYS/TEMP]\r\n", -EACCES, true, "dXNlcg==\r\n"},
    {"answer", "what\r\n", -EPROTO, false, "dXNlcg==\r\n"},
    {"answer", "", -ECONNRESET, false, "dXNlcg==\r\n"},
    {"answer, marked", "-ERR [AUTH] wrong\r\n", -EACCES, true, "dXNlcg==\r\n"},
    {"answer, marked", "-ERR wrong\r\n", -EACCES, false, "dXNlcg==\r\n"},
    {"login", "+OK\r\n+OK in\r\n", 0, false, "USER us er\r\nPASS a\"b\\ c\r\n"},
    {"login", "+OK\r\n-ERR wrong\r\n", -EACCES, true, "USER us er\r\nPASS a\"b\\ c\r\n"},
    {"login", "-ERR who?\r\n+OK\r\n", -EACCES, true, "USER us er\r\n"},
    {"login", "-ERR [IN-USE] x\r\n", -EBUSY, false, "USER us er\r\n"},
    {"login", "+ \r\n", -EPROTO, false, "USER us er\r\n"},
    {"login", "+OK\r\n+ \r\n", -EPROTO, false, "USER us er\r\nPASS a\"b\\ c\r\n"},
    {"goodbye", "+OK bye\r\n", 0, false, "QUIT\r\n"},
    {"goodbye", "-ERR not all deleted\r\n", 0, false, "QUIT\r\n"},
    {"goodbye", "", -ECONNRESET, false, "QUIT\r\n"},
};

static int run_verb(struct upstream *u, const char *verb, struct secret *challenge)
{
	if (strcmp(verb, "starttls") == 0)
		return pop3_starttls(u);
	if (strcmp(verb, "auth") == 0)
		return pop3_auth(u, "LOGIN", NULL, challenge);
	if (strcmp(verb, "answer, marked") == 0)
		ck_assert_int_eq(
		    secret_puts(&u->capabilities.words, "SASL X\nAUTH-RESP-CODE\nUSER"),
		    0);
	if (strncmp(verb, "answer", 6) == 0)
		return pop3_answer(u, "dXNlcg==", challenge);
	if (strcmp(verb, "login") == 0)
		return pop3_login(u, "us er", "a\"b\\ c");
	return pop3_goodbye(u);
}

START_TEST(test_what_replies_mean_to_each_verb)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		_cleanup_scene_ struct scene s;

		(void)check_verb(&s, &protocol_pop3, &verbs[i], run_verb); /* all told */
	}
}
END_TEST

START_TEST(test_a_response_never_rides_on_the_command)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_pop3);
	ck_assert(!pop3_takes_initial(&s.upstream, "PLAIN", 0));
	ck_assert(!pop3_takes_initial(&s.upstream, "PLAIN", 10));
}
END_TEST

START_TEST(test_a_password_does_not_stay_in_freed_memory)
{
	struct scene s;

	freed_memory_watch("hunter2-and-more");
	scene_server_said(&s, &protocol_pop3, "+OK\r\n+OK\r\n", strlen("+OK\r\n+OK\r\n"),
	    SCENE_PACKET_MAX);
	ck_assert_int_eq(pop3_login(&s.upstream, "me", "hunter2-and-more"), 0);
	scene_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_greetings,
	    test_reads_capabilities_split_at_each_byte,
	    test_reads_capabilities_byte_by_byte,
	    test_known_capabilities_are_not_asked_for,
	    test_lists_have_bounds,
	    test_what_replies_mean_to_each_verb,
	    test_a_response_never_rides_on_the_command,
	    test_a_password_does_not_stay_in_freed_memory,
	};

	return check_program("pop3-upstream", tests, ELEMENTSOF(tests));
}
