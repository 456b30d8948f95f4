/* SPDX-License-Identifier: Apache-2.0 */
/* Brackets around bare addresses, and the session that goes line by line until DATA. */

#include "smtp-brackets.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "repeated-text.h"
#include "scene.h"

static struct line line_of(const char *text)
{
	size_t n = strlen(text), ends = 0;

	if (n > 0 && text[n - 1] == '\n')
		ends = n > 1 && text[n - 2] == '\r' ? 2 : 1;
	return (struct line){.text = text, .len = n - ends, .raw_len = n};
}

START_TEST(test_adds_brackets_where_they_are_missing)
{
	static const struct {
		const char *line, *want; /* NULL: as it is */
	} rows[] = {
	    {"MAIL FROM:a@b\r\n", "MAIL FROM:<a@b>\r\n"},
	    {"RCPT TO:a@b\r\n", "RCPT TO:<a@b>\r\n"},
	    {"MAIL FROM: a@b\r\n", "MAIL FROM:<a@b>\r\n"},
	    {"RCPT TO:   a@b\r\n", "RCPT TO:<a@b>\r\n"},
	    {"mail from:A@b\r\n", "mail from:<A@b>\r\n"},
	    {"Rcpt To:a@b\r\n", "Rcpt To:<a@b>\r\n"},
	    {"MAIL FROM:a@b\n", "MAIL FROM:<a@b>\n"},
	    {"MAIL FROM:a@b", "MAIL FROM:<a@b>"},
	    {"MAIL FROM:a@b SIZE=10 BODY=8BITMIME\r\n",
		"MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME\r\n"},
	    {"MAIL FROM:a@b  SIZE=10\r\n", "MAIL FROM:<a@b>  SIZE=10\r\n"},
	    {"MAIL FROM:a@b \r\n", "MAIL FROM:<a@b> \r\n"},
	    {"RCPT TO:a@b NOTIFY=NEVER ORCPT=rfc822;a@b\r\n",
		"RCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;a@b\r\n"},
	    {"RCPT TO:postmaster\r\n", "RCPT TO:<postmaster>\r\n"},
	    {"MAIL FROM:gr\xc3\xbc\xc3\x9f@b SMTPUTF8\r\n",
		"MAIL FROM:<gr\xc3\xbc\xc3\x9f@b> SMTPUTF8\r\n"},
	    {"MAIL FROM:%s%n@b\r\n", "MAIL FROM:<%s%n@b>\r\n"},
	    {"RCPT TO:@x,@y:a@b\r\n", "RCPT TO:<@x,@y:a@b>\r\n"},
	    /* brackets behind the address are not the address's */
	    {"MAIL FROM:a@b AUTH=<>\r\n", "MAIL FROM:<a@b> AUTH=<>\r\n"},
	    {"RCPT TO:a@b X=<y>\r\n", "RCPT TO:<a@b> X=<y>\r\n"},
	    /* a quoted local part (RFC 5321 4.1.2) */
	    {"MAIL FROM:\"a b\"@c\r\n", "MAIL FROM:<\"a b\"@c>\r\n"},
	    {"MAIL FROM: \"a b\"@c SIZE=1\r\n", "MAIL FROM:<\"a b\"@c> SIZE=1\r\n"},
	    {"RCPT TO:\"a\\\" b\"@c\r\n", "RCPT TO:<\"a\\\" b\"@c>\r\n"},
	    {"RCPT TO:\"a\\\\\"@c X=\"1 2\"\r\n", "RCPT TO:<\"a\\\\\"@c> X=\"1 2\"\r\n"},
	    {"RCPT TO:\"<a>\"@c\r\n", "RCPT TO:<\"<a>\"@c>\r\n"},
	    /* where they are there */
	    {"MAIL FROM:<a@b>\r\n", NULL},
	    {"MAIL FROM: <a@b>\r\n", NULL},
	    {"MAIL FROM:<>\r\n", NULL},
	    {"MAIL FROM:<a@b> SIZE=10 AUTH=<>\r\n", NULL},
	    {"MAIL FROM:<\"a b\"@c>\r\n", NULL},
	    {"RCPT TO:<@x:a@b>\r\n", NULL},
	    /* where there is nothing to put them around */
	    {"MAIL FROM:\r\n", NULL},
	    {"RCPT TO:\n", NULL},
	    {"MAIL FROM:", NULL},
	    /* other lines */
	    {"MAIL\r\n", NULL},
	    {"MAIL FROM\r\n", NULL},
	    {"MAIL TO:a@b\r\n", NULL},
	    {"RCPT FROM:a@b\r\n", NULL},
	    {"MAILFROM:a@b\r\n", NULL},
	    {"XMAIL FROM:a@b\r\n", NULL},
	    {" MAIL FROM:a@b\r\n", NULL},
	    {"DATA\r\n", NULL},
	    {"VRFY a@b\r\n", NULL},
	    {"\r\n", NULL},
	    {"\n", NULL},
	    {"", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *want = rows[i].want ? rows[i].want : rows[i].line;
		struct line line = line_of(rows[i].line);
		_cleanup_secret_ struct secret out = {0};

		ck_assert_int_eq(smtp_brackets_add(&line, &out), 0);
		ck_assert_msg(strcmp(secret_str(&out), want) == 0, "%s: '%s'",
		    rows[i].line, secret_str(&out));
	}
}
END_TEST

/* Of a line with its end, NUL bytes and all. */
static void assert_added(const char *text, size_t n, const char *want, size_t want_len)
{
	struct line line = {.text = text, .len = n - 2, .raw_len = n};
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(smtp_brackets_add(&line, &out), 0);
	ck_assert_uint_eq(out.len, want_len);
	ck_assert_int_eq(memcmp(out.data, want, want_len), 0);
}

START_TEST(test_foreign_bytes_pass)
{
	static const char text[] = "NOOP \0\xff\r\n";

	assert_added(text, sizeof(text) - 1, text, sizeof(text) - 1);
}
END_TEST

START_TEST(test_nothing_of_an_address_is_lost_to_a_nul_byte)
{
	static const char text[] = "RCPT TO:a\0b@c\r\n", want[] = "RCPT TO:<a\0b@c>\r\n";

	assert_added(text, sizeof(text) - 1, want, sizeof(want) - 1);
}
END_TEST

/* The client's lines have all come; the server's replies too, as if it were fast. */
static int run(struct scene *s, const char *client, const char *server)
{
	ck_assert_int_eq(secret_puts(&s->client.input, client), 0);
	scene_server_says(s, server);
	return smtp_brackets_run(&s->x);
}

START_TEST(test_carries_a_session)
{
	static const struct {
		const char *label, *client, *server;
		int want;
		const char *to_server, *to_client;
	} rows[] = {
	    {"up to DATA", "MAIL FROM:a@b\r\nRCPT TO: c@d\r\nDATA\r\nSubject: x\r\n.\r\n",
		"250 2.1.0 OK\r\n250 2.1.5 OK\r\n", SMTP_BRACKETS_RELAY,
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
		"250 2.1.0 OK\r\n250 2.1.5 OK\r\n"},
	    {"up to BDAT", "MAIL FROM:a@b\r\nBDAT 3 LAST\r\nabc", "250 OK\r\n",
		SMTP_BRACKETS_RELAY, "MAIL FROM:<a@b>\r\nBDAT 3 LAST\r\n", "250 OK\r\n"},
	    {"in lower case, bare line feeds", "mail from:a@b\nrcpt to:c@d\ndata\n",
		"250 OK\n250 OK\n", SMTP_BRACKETS_RELAY,
		"mail from:<a@b>\nrcpt to:<c@d>\ndata\n", "250 OK\n250 OK\n"},
	    {"refusals pass", "MAIL FROM:a@b\r\nRCPT TO:c@d\r\nRSET\r\nQUIT\r\n",
		"250 OK\r\n550-5.1.1 No\r\n550 5.1.1 such user\r\n250 OK\r\n221 Bye\r\n",
		SMTP_BRACKETS_QUIT,
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRSET\r\nQUIT\r\n",
		"250 OK\r\n550-5.1.1 No\r\n550 5.1.1 such user\r\n250 OK\r\n221 "
		"Bye\r\n"},
	    {"other commands pass",
		"MAIL FROM:a@b\r\nDATAX\r\nXFOO  bar \r\n\r\nDATA\r\n",
		"250 OK\r\n500 No\r\n500 No\r\n500 No\r\n", SMTP_BRACKETS_RELAY,
		"MAIL FROM:<a@b>\r\nDATAX\r\nXFOO  bar \r\n\r\nDATA\r\n",
		"250 OK\r\n500 No\r\n500 No\r\n500 No\r\n"},
	    {"no login and no TLS go up",
		"MAIL FROM:a@b\r\nAUTH PLAIN AGEAYg==\r\nstarttls\r\nDATA\r\n",
		"250 OK\r\n", SMTP_BRACKETS_RELAY, "MAIL FROM:<a@b>\r\nDATA\r\n",
		"250 OK\r\n503 5.5.1 Not during a mail transaction\r\n502 5.5.1 Not "
		"here: this leg stays on the host\r\n"},
	    {"the server closes", "MAIL FROM:a@b\r\nRCPT TO:c@d\r\n",
		"250 OK\r\n421 4.3.2 Shutting down\r\n", -ESHUTDOWN,
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		"250 OK\r\n421 4.3.2 Shutting down\r\n"},
	    {"the server is no server", "MAIL FROM:a@b\r\n", "hello\r\n", -EPROTO,
		"MAIL FROM:<a@b>\r\n", ""},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};
		int r;

		scene_begin(&s, &protocol_smtp);
		r = run(&s, rows[i].client, rows[i].server);
		ck_assert_msg(
		    r == rows[i].want, "%s: %d (%s)", rows[i].label, r, s.x.why);
		ck_assert_msg((r < 0) == (s.x.why != NULL), "%s: the reason is '%s'",
		    rows[i].label, s.x.why);
		ck_assert_msg(
		    strcmp(scene_heard(s.server_fd, &heard), rows[i].to_server) == 0,
		    "%s: the server was told '%s'", rows[i].label, secret_str(&heard));
		ck_assert_uint_eq(s.x.bytes_in, heard.len);
		ck_assert_msg(
		    strcmp(scene_heard(s.client_fd, &heard), rows[i].to_client) == 0,
		    "%s: the client was told '%s'", rows[i].label, secret_str(&heard));
	}
}
END_TEST

START_TEST(test_passes_a_session_through)
{
	static const struct {
		const char *label, *client, *server;
		int want;
		const char *to_server, *to_client, *left;
	} rows[] = {
	    {"MAIL with brackets", "MAIL FROM:<a@b>\r\nX\r\n", "", SMTP_BRACKETS_RELAY,
		"", "", "MAIL FROM:<a@b>\r\nX\r\n"},
	    {"RCPT with brackets is a line", "RCPT TO:<a@b>\r\nDATA\r\n", "503 No\r\n",
		SMTP_BRACKETS_RELAY, "RCPT TO:<a@b>\r\nDATA\r\n", "503 No\r\n", ""},
	    {"MAIL without brackets, then one with",
		"MAIL FROM:a@b\r\nMAIL FROM:<c@d>\r\n", "501 No\r\n", SMTP_BRACKETS_RELAY,
		"MAIL FROM:<a@b>\r\n", "501 No\r\n", "MAIL FROM:<c@d>\r\n"},
	    {"EHLO first", "EHLO me\r\nMAIL FROM:a@b\r\nDATA\r\n",
		"250-m\r\n250 SIZE\r\n250 OK\r\n", SMTP_BRACKETS_RELAY,
		"EHLO me\r\nMAIL FROM:<a@b>\r\nDATA\r\n",
		"250-m\r\n250 SIZE\r\n250 OK\r\n", ""},
	    {"a login", "AUTH LOGIN\r\nMAIL FROM:x\r\nRCPT TO:x\r\nDATA\r\n",
		"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 OK\r\n", SMTP_BRACKETS_RELAY,
		"AUTH LOGIN\r\nMAIL FROM:x\r\nRCPT TO:x\r\nDATA\r\n",
		"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 OK\r\n", ""},
	    {"a login refused", "AUTH PLAIN AGEAYg==\r\nQUIT\r\n",
		"535 No\r\n221 Bye\r\n", SMTP_BRACKETS_QUIT,
		"AUTH PLAIN AGEAYg==\r\nQUIT\r\n", "535 No\r\n221 Bye\r\n", ""},
	    {"a login that the client leaves", "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n",
		SMTP_BRACKETS_CLIENT_ENDED, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n", ""},
	    {"STARTTLS", "STARTTLS\r\n\x16\3\1", "", SMTP_BRACKETS_RELAY, "STARTTLS\r\n",
		"", "\x16\3\1"},
	    {"BDAT", "BDAT 2 LAST\r\nab", "", SMTP_BRACKETS_RELAY, "BDAT 2 LAST\r\n", "",
		"ab"},
	    {"the server closes", "NOOP\r\nNOOP\r\n", "421 4.3.2 Bye\r\n", -ESHUTDOWN,
		"NOOP\r\n", "421 4.3.2 Bye\r\n", "NOOP\r\n"},
	    {"nothing", "", "", SMTP_BRACKETS_CLIENT_ENDED, "", "", ""},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};
		int r;

		scene_begin(&s, &protocol_smtp);
		s.x.access = ACCESS_PASS_THROUGH;
		scene_client_ends(&s);
		r = run(&s, rows[i].client, rows[i].server);
		ck_assert_msg(
		    r == rows[i].want, "%s: %d (%s)", rows[i].label, r, s.x.why);
		ck_assert_msg(
		    strcmp(scene_heard(s.server_fd, &heard), rows[i].to_server) == 0,
		    "%s: the server was told '%s'", rows[i].label, secret_str(&heard));
		ck_assert_uint_eq(s.x.bytes_in, heard.len);
		ck_assert_msg(
		    strcmp(scene_heard(s.client_fd, &heard), rows[i].to_client) == 0,
		    "%s: the client was told '%s'", rows[i].label, secret_str(&heard));
		ck_assert_msg(strcmp(secret_str(&s.client.input), rows[i].left) == 0,
		    "%s: what is left is '%s'", rows[i].label,
		    secret_str(&s.client.input));
	}
}
END_TEST

START_TEST(test_what_follows_data_is_left_for_the_relay)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	ck_assert_int_eq(
	    run(&s, "MAIL FROM:a@b\r\nDATA\r\nMAIL FROM:c@d\r\n", "250 OK\r\n354 Go\r\n"),
	    SMTP_BRACKETS_RELAY);
	ck_assert_str_eq(secret_str(&s.client.input), "MAIL FROM:c@d\r\n");
	ck_assert_uint_eq(s.x.bytes_out, strlen("250 OK\r\n"));
}
END_TEST

START_TEST(test_the_client_may_end)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	scene_client_ends(&s);
	ck_assert_int_eq(
	    run(&s, "MAIL FROM:a@b\r\nRCPT", "250 OK\r\n"), SMTP_BRACKETS_CLIENT_ENDED);
}
END_TEST

START_TEST(test_the_server_may_end)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	scene_server_says(&s, "250-OK\r\n");
	scene_server_ends(&s);
	ck_assert_int_eq(run(&s, "MAIL FROM:a@b\r\n", ""), -ECONNRESET);
	ck_assert_ptr_nonnull(strstr(s.x.why, "closed the connection"));
}
END_TEST

START_TEST(test_a_line_beyond_the_bound_is_refused_and_the_session_goes_on)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret lines = {0}, heard = {0};

	scene_begin(&s, &protocol_smtp);
	ck_assert_int_eq(secret_puts(&lines, "MAIL FROM:"), 0);
	repeated_text(&lines, "a", CLIENT_LINE_MAX);
	ck_assert_int_eq(secret_puts(&lines, "\r\nDATA\r\n"), 0);
	ck_assert_int_eq(run(&s, secret_str(&lines), ""), SMTP_BRACKETS_RELAY);
	ck_assert_str_eq(
	    scene_heard(s.client_fd, &heard), "500 5.5.2 The line is too long\r\n");
	ck_assert_uint_eq(s.x.errors, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_adds_brackets_where_they_are_missing,
	    test_foreign_bytes_pass,
	    test_nothing_of_an_address_is_lost_to_a_nul_byte,
	    test_carries_a_session,
	    test_passes_a_session_through,
	    test_what_follows_data_is_left_for_the_relay,
	    test_the_client_may_end,
	    test_the_server_may_end,
	    test_a_line_beyond_the_bound_is_refused_and_the_session_goes_on,
	};

	return check_program("smtp-brackets", tests, ELEMENTSOF(tests));
}
