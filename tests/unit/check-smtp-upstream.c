/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP towards a server: its replies, byte by byte, and what each verb makes of them. */

#include "smtp.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "protocol-rows.h"
#include "repeated-text.h"

static const struct {
	const char *label, *said;
	int want, code;
	const char *text;
} replies[] = {
    {"one line", "250 OK\r\n", 0, 250, "OK"},
    {"bare line feed", "250 OK\n", 0, 250, "OK"},
    {"no text", "250\r\n", 0, 250, ""},
    {"empty text", "250 \r\n", 0, 250, ""},
    {"more lines", "250-a\r\n250-b c\r\n250 d\r\n", 0, 250, "a\nb c\nd"},
    {"more lines, bare line feeds", "250-a\n250 b\n", 0, 250, "a\nb"},
    {"the last without text", "250-a\r\n250\r\n", 0, 250, "a\n"},
    {"an empty line amidst", "250-a\r\n250-\r\n250 b\r\n", 0, 250, "a\n\nb"},
    {"an empty first line", "250-\r\n250 b\r\n", 0, 250, "\nb"},
    {"enhanced code", "550-5.1.1 No\r\n550 5.1.1 user\r\n", 0, 550,
	"5.1.1 No\n5.1.1 user"},
    {"lowest code", "200 x\r\n", 0, 200, "x"},
    {"highest code", "599 x\r\n", 0, 599, "x"},
    {"a carriage return amidst", "250 a\rb\r\n", 0, 250, "a\rb"},
    {"Latin-1", "250 gr\xfc\xdf\r\n", 0, 250, "gr\xfc\xdf"},
    {"1xx", "199 x\r\n", -EPROTO, 0, NULL},
    {"6xx", "600 x\r\n", -EPROTO, 0, NULL},
    {"000", "000 x\r\n", -EPROTO, 0, NULL},
    {"two digits", "25 OK\r\n", -EPROTO, 0, NULL},
    {"two digits alone", "25\r\n", -EPROTO, 0, NULL},
    {"four digits", "2500 OK\r\n", -EPROTO, 0, NULL},
    {"a letter", "2a0 OK\r\n", -EPROTO, 0, NULL},
    {"a colon", "250:OK\r\n", -EPROTO, 0, NULL},
    {"a tab", "250\tOK\r\n", -EPROTO, 0, NULL},
    {"a blank in front", " 250 OK\r\n", -EPROTO, 0, NULL},
    {"an empty line", "\r\n", -EPROTO, 0, NULL},
    {"no reply", "hello\r\n", -EPROTO, 0, NULL},
    {"IMAP", "* OK hello\r\n", -EPROTO, 0, NULL},
    {"another code in the end", "250-a\r\n251 b\r\n", -EPROTO, 0, NULL},
    {"another code amidst", "250-a\r\n550-b\r\n250 c\r\n", -EPROTO, 0, NULL},
    {"no code in the end", "250-a\r\nb\r\n", -EPROTO, 0, NULL},
    {"nothing", "", -ECONNRESET, 0, NULL},
    {"half a line", "250 O", -ECONNRESET, 0, NULL},
    {"no line end", "250 OK\r", -ECONNRESET, 0, NULL},
    {"half a reply", "250-a\r\n", -ECONNRESET, 0, NULL},
};

static void check_reply(size_t i, size_t at, struct scene *s)
{
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};
	int r;

	r = smtp_read_reply(&s->upstream, &reply);
	if (r != replies[i].want)
		ck_abort_msg("%s, split at %zu: %d", replies[i].label, at, r);
	if (r < 0 && !s->upstream.why)
		ck_abort_msg("%s: no reason", replies[i].label);
	if (r < 0)
		return;
	if (reply.code != replies[i].code ||
	    strcmp(secret_str(&reply.text), replies[i].text) != 0)
		ck_abort_msg("%s, split at %zu: %d '%s'", replies[i].label, at,
		    reply.code, secret_str(&reply.text));
	if (strcmp(secret_str(&reply.raw), replies[i].said) != 0)
		ck_abort_msg("%s, split at %zu: raw '%s'", replies[i].label, at,
		    secret_str(&reply.raw));
}

START_TEST(test_reads_replies_split_at_each_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(replies); i++)
		check_split_at_each_byte(&protocol_smtp, replies[i].said, check_reply, i);
}
END_TEST

START_TEST(test_reads_replies_byte_by_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(replies); i++)
		check_byte_by_byte(&protocol_smtp, replies[i].said, check_reply, i);
}
END_TEST

START_TEST(test_refuses_nul_bytes)
{
	static const struct {
		const char *said;
		size_t len;
	} rows[] = {{"250 a\0b\r\n", 9}, {"\0\n", 2}, {"250-a\r\n250 b\0\r\n", 15}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_smtp_reply_ struct smtp_reply reply = {0};

		scene_server_said(
		    &s, &protocol_smtp, rows[i].said, rows[i].len, SCENE_PACKET_MAX);
		ck_assert_msg(
		    smtp_read_reply(&s.upstream, &reply) < 0, "%zu: is a reply", i);
		ck_assert_ptr_null(strchr(s.upstream.why, '\n'));
	}
}
END_TEST

START_TEST(test_the_next_reply_is_left)
{
	static const char said[] = "250-a\r\n250 b\r\n421 bye\r\n";
	_cleanup_scene_ struct scene s;
	_cleanup_smtp_reply_ struct smtp_reply a = {0}, b = {0};

	scene_server_said(&s, &protocol_smtp, said, strlen(said), SCENE_PACKET_MAX);
	ck_assert_int_eq(smtp_read_reply(&s.upstream, &a), 0);
	ck_assert_int_eq(smtp_read_reply(&s.upstream, &b), 0);
	ck_assert_int_eq(a.code, 250);
	ck_assert_int_eq(b.code, 421);
}
END_TEST

/* "250 " and so many letters, with its line end `len` bytes long. */
static void append_line(struct secret *out, const char *start, size_t len)
{
	ck_assert_int_eq(secret_puts(out, start), 0);
	repeated_text(out, "x", len - strlen(start) - 2);
	ck_assert_int_eq(secret_puts(out, "\r\n"), 0);
}

START_TEST(test_lines_have_a_bound)
{
	static const struct {
		size_t len;
		int want;
	} rows[] = {
	    {SMTP_REPLY_LINE_MAX - 1, 0},
	    {SMTP_REPLY_LINE_MAX, 0},
	    {SMTP_REPLY_LINE_MAX + 1, -EPROTO},
	    {(size_t)1024 * 1024, -EPROTO},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret said = {0};
		_cleanup_scene_ struct scene s;
		_cleanup_smtp_reply_ struct smtp_reply reply = {0};
		int r;

		append_line(&said, "250 ", rows[i].len);
		scene_server_said(
		    &s, &protocol_smtp, said.data, said.len, SCENE_PACKET_MAX);
		r = smtp_read_reply(&s.upstream, &reply);
		ck_assert_msg(r == rows[i].want, "%zu bytes: %d", rows[i].len, r);
		ck_assert(r == 0 || strstr(s.upstream.why, "too long"));
	}
}
END_TEST

START_TEST(test_replies_have_a_bound)
{
	for (size_t more = 0; more < 2; more++) {
		_cleanup_secret_ struct secret said = {0};
		_cleanup_scene_ struct scene s;
		_cleanup_smtp_reply_ struct smtp_reply reply = {0};

		repeated_text(&said, "250-x\r\n", SMTP_REPLY_LINES_MAX - 1 + more);
		ck_assert_int_eq(secret_puts(&said, "250 x\r\n"), 0);
		scene_server_said(
		    &s, &protocol_smtp, said.data, said.len, SCENE_PACKET_MAX);
		ck_assert_int_eq(
		    smtp_read_reply(&s.upstream, &reply), more ? -EPROTO : 0);
		ck_assert(!more || strstr(s.upstream.why, "does not end"));
	}
}
END_TEST

START_TEST(test_a_silent_server_is_late)
{
	for (int i = 0; i < 2; i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_smtp_reply_ struct smtp_reply reply = {0};

		scene_begin(&s, &protocol_smtp);
		if (i == 0)
			s.upstream.reply_timeout_usec = 1000;
		else
			s.upstream.login_deadline = deadline_in(1000);
		scene_server_says(&s, "250-a\r\n25");
		ck_assert_int_eq(smtp_read_reply(&s.upstream, &reply), -ETIMEDOUT);
		ck_assert_ptr_nonnull(strstr(s.upstream.why, "in time"));
	}
}
END_TEST

START_TEST(test_what_the_server_said_is_quoted_safely)
{
	static const char said[] = "\x1b[31mhello\r\n";
	_cleanup_scene_ struct scene s;
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};

	scene_server_said(&s, &protocol_smtp, said, strlen(said), SCENE_PACKET_MAX);
	ck_assert_int_eq(smtp_read_reply(&s.upstream, &reply), -EPROTO);
	ck_assert_ptr_nonnull(strstr(s.upstream.why, "'\\x1b[31mhello'"));
}
END_TEST

START_TEST(test_greetings)
{
	static const struct {
		const char *said;
		int want;
	} rows[] = {
	    {"220 mail.example ESMTP\r\n", 0},
	    {"220-mail.example ESMTP\r\n220 no spam\r\n", 0},
	    {"421 4.3.2 Not now\r\n", -EBUSY},
	    {"554 5.3.2 Never\r\n", -EBUSY},
	    {"250 OK\r\n", -EBUSY},
	    {"* OK IMAP4rev1\r\n", -EPROTO},
	    {"HTTP/1.1 400 Bad Request\r\n", -EPROTO},
	    {"", -ECONNRESET},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		int r;

		scene_server_said(&s, &protocol_smtp, rows[i].said, strlen(rows[i].said),
		    SCENE_PACKET_MAX);
		r = smtp_greeting(&s.upstream);
		ck_assert_msg(r == rows[i].want, "'%s': %d", rows[i].said, r);
		ck_assert((r < 0) == (s.upstream.why != NULL));
	}
}
END_TEST

START_TEST(test_reads_capabilities)
{
#define AFTER(x) "250-mail.example\r\n" x
	static const struct {
		const char *said;
		unsigned mechanisms;
		bool starttls;
		const char *words;
	} rows[] = {
	    {"250 mail.example\r\n", 0, false, ""},
	    {"250\r\n", 0, false, ""},
	    {AFTER("250 STARTTLS\r\n"), 0, true, "STARTTLS"},
	    {AFTER("250 starttls\r\n"), 0, true, "starttls"},
	    {AFTER("250 STARTTLSX\r\n"), 0, false, "STARTTLSX"},
	    {AFTER("250-SIZE 100\r\n250 8BITMIME\r\n"), 0, false, "SIZE 100\n8BITMIME"},
	    {AFTER("250 AUTH PLAIN LOGIN XOAUTH2\r\n"),
		SASL_PLAIN | SASL_LOGIN | SASL_XOAUTH2, false,
		"AUTH PLAIN LOGIN XOAUTH2"},
	    {AFTER("250 auth plain oauthbearer Scram-Sha-256\r\n"),
		SASL_PLAIN | SASL_OAUTHBEARER | SASL_SCRAM_SHA_256, false,
		"auth plain oauthbearer Scram-Sha-256"},
	    {AFTER("250 AUTH=LOGIN PLAIN\r\n"), SASL_PLAIN | SASL_LOGIN, false,
		"AUTH=LOGIN PLAIN"},
	    {AFTER("250-AUTH PLAIN\r\n250 AUTH=LOGIN\r\n"), SASL_PLAIN | SASL_LOGIN,
		false, "AUTH PLAIN\nAUTH=LOGIN"},
	    {AFTER("250 AUTH   PLAIN   LOGIN  \r\n"), SASL_PLAIN | SASL_LOGIN, false,
		"AUTH   PLAIN   LOGIN  "},
	    {AFTER("250 AUTH PLAINTEXT NTLM SCRAM-SHA-256-PLUS\r\n"), 0, false,
		"AUTH PLAINTEXT NTLM SCRAM-SHA-256-PLUS"},
	    {AFTER("250 AUTH\r\n"), 0, false, "AUTH"},
	    {AFTER("250 AUTH \r\n"), 0, false, "AUTH "},
	    {AFTER("250 XAUTH PLAIN\r\n"), 0, false, "XAUTH PLAIN"},
	    /* the first line is a name, whatever it looks like */
	    {"250-STARTTLS\r\n250 AUTH PLAIN\r\n", SASL_PLAIN, false, "AUTH PLAIN"},
	    {"250-AUTH PLAIN\r\n250 STARTTLS\r\n", 0, true, "STARTTLS"},
	    {"250-\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", SASL_PLAIN, true,
		"STARTTLS\nAUTH PLAIN"},
	};
#undef AFTER

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};
		const struct capabilities *c = &s.upstream.capabilities;

		scene_server_said(&s, &protocol_smtp, rows[i].said, strlen(rows[i].said),
		    SCENE_PACKET_MAX);
		ck_assert_int_eq(smtp_capabilities(&s.upstream), 0);
		ck_assert_msg(c->known && c->mechanisms == rows[i].mechanisms &&
				  c->starttls == rows[i].starttls,
		    "'%s': %d, %#x, %d", rows[i].said, c->known, c->mechanisms,
		    c->starttls);
		ck_assert_str_eq(secret_str(&c->words), rows[i].words);
		ck_assert_str_eq(
		    scene_heard(s.server_fd, &heard), "EHLO client.example\r\n");
		ck_assert_int_eq(smtp_capabilities(&s.upstream), 0);
		ck_assert_str_eq(scene_heard(s.server_fd, &heard), "");
	}
}
END_TEST

START_TEST(test_asks_again_once_capabilities_are_forgotten)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	scene_server_says(&s, "250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n");
	ck_assert_int_eq(smtp_capabilities(&s.upstream), 0);
	upstream_forget_capabilities(&s.upstream);
	scene_server_says(&s, "250-x\r\n250 AUTH LOGIN\r\n");
	ck_assert_int_eq(smtp_capabilities(&s.upstream), 0);
	ck_assert(!s.upstream.capabilities.starttls);
	ck_assert_uint_eq(s.upstream.capabilities.mechanisms, SASL_LOGIN);
	ck_assert_str_eq(secret_str(&s.upstream.capabilities.words), "AUTH LOGIN");
}
END_TEST

static const struct verb_row verbs[] = {
    {"capabilities", "500 What?\r\n", -EPROTO, false, "EHLO client.example\r\n"},
    {"capabilities", "502 No\r\n", -EPROTO, false, "EHLO client.example\r\n"},
    {"capabilities", "421 Bye\r\n", -EBUSY, false, "EHLO client.example\r\n"},
    {"capabilities", "451 Later\r\n", -EBUSY, false, "EHLO client.example\r\n"},
    {"capabilities", "", -ECONNRESET, false, "EHLO client.example\r\n"},
    {"starttls", "220 Go\r\n", 0, false, "STARTTLS\r\n"},
    {"starttls", "250 OK\r\n", -EBUSY, false, "STARTTLS\r\n"},
    {"starttls", "454 4.7.0 Not now\r\n", -EBUSY, false, "STARTTLS\r\n"},
    {"starttls", "501 No\r\n", -EBUSY, false, "STARTTLS\r\n"},
    {"auth", "235 2.7.0 Welcome\r\n", 0, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "334 \r\n", 1, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "334\r\n", 1, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "250 OK\r\n", -EPROTO, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "354 Go\r\n", -EPROTO, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "421 4.7.0 Too many\r\n", -EBUSY, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "454 4.7.0 Later\r\n", -EBUSY, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "535 5.7.8 Wrong\r\n", -EACCES, true, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "534 5.7.9 Too weak\r\n", -EACCES, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "504 5.5.4 Unknown\r\n", -EACCES, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "\r\n", -EPROTO, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth", "", -ECONNRESET, false, "AUTH PLAIN AGEAYg==\r\n"},
    {"auth, empty", "235 OK\r\n", 0, false, "AUTH PLAIN =\r\n"},
    {"auth, none", "334 VXNlcm5hbWU6\r\n", 1, false, "AUTH LOGIN\r\n"},
    {"answer", "235 OK\r\n", 0, false, "cGFzcw==\r\n"},
    {"answer", "334 VXNlcm5hbWU6\r\n", 1, false, "cGFzcw==\r\n"},
    {"answer", "535-5.7.8 Wrong\r\n535 5.7.8 password\r\n", -EACCES, true,
	"cGFzcw==\r\n"},
    {"answer, empty", "235 OK\r\n", 0, false, "\r\n"},
    {"goodbye", "221 Bye\r\n", 0, false, "QUIT\r\n"},
    {"goodbye", "500 What?\r\n", 0, false, "QUIT\r\n"},
    {"goodbye", "", -ECONNRESET, false, "QUIT\r\n"},
};

static int run_verb(struct upstream *u, const char *verb, struct secret *challenge)
{
	if (strcmp(verb, "capabilities") == 0)
		return smtp_capabilities(u);
	if (strcmp(verb, "starttls") == 0)
		return smtp_starttls(u);
	if (strcmp(verb, "auth") == 0)
		return smtp_auth(u, "PLAIN", "AGEAYg==", challenge);
	if (strcmp(verb, "auth, empty") == 0)
		return smtp_auth(u, "PLAIN", "", challenge);
	if (strcmp(verb, "auth, none") == 0)
		return smtp_auth(u, "LOGIN", NULL, challenge);
	if (strcmp(verb, "answer") == 0)
		return smtp_answer(u, "cGFzcw==", challenge);
	if (strcmp(verb, "answer, empty") == 0)
		return smtp_answer(u, "", challenge);
	return smtp_goodbye(u);
}

START_TEST(test_what_replies_mean_to_each_verb)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		_cleanup_scene_ struct scene s;
		int r = check_verb(&s, &protocol_smtp, &verbs[i], run_verb);

		ck_assert((r < 0) == (s.upstream.why != NULL));
	}
}
END_TEST

START_TEST(test_a_refusal_is_told_in_the_servers_words)
{
	static const char said[] = "535-5.7.8 No\r\n535 5.7.8 \x07way\r\n";
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret challenge = {0};

	scene_server_said(&s, &protocol_smtp, said, strlen(said), SCENE_PACKET_MAX);
	ck_assert_int_eq(
	    smtp_auth(&s.upstream, "PLAIN", "AGEAYg==", &challenge), -EACCES);
	ck_assert_ptr_nonnull(strstr(s.upstream.why, "535 5.7.8 No"));
	ck_assert_ptr_nonnull(strstr(s.upstream.why, "\\x07way"));
	ck_assert_ptr_null(strstr(s.upstream.why, "AGEAYg"));
}
END_TEST

START_TEST(test_an_initial_response_fits_the_line_or_waits)
{
	/* "AUTH ", the mechanism, a space, the response, CRLF */
	static const size_t room = SMTP_COMMAND_MAX - 5 - 5 - 1 - 2;
	static const struct upstream u;

	ck_assert(smtp_takes_initial(&u, "PLAIN", 0));
	ck_assert(smtp_takes_initial(&u, "PLAIN", room));
	ck_assert(!smtp_takes_initial(&u, "PLAIN", room + 1));
	ck_assert(!smtp_takes_initial(&u, "XPLAIN", room));
	ck_assert(!smtp_takes_initial(&u, "PLAIN", SIZE_MAX / 2));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_replies_split_at_each_byte,
	    test_reads_replies_byte_by_byte,
	    test_refuses_nul_bytes,
	    test_the_next_reply_is_left,
	    test_lines_have_a_bound,
	    test_replies_have_a_bound,
	    test_a_silent_server_is_late,
	    test_what_the_server_said_is_quoted_safely,
	    test_greetings,
	    test_reads_capabilities,
	    test_asks_again_once_capabilities_are_forgotten,
	    test_what_replies_mean_to_each_verb,
	    test_a_refusal_is_told_in_the_servers_words,
	    test_an_initial_response_fits_the_line_or_waits,
	};

	return check_program("smtp-upstream", tests, ELEMENTSOF(tests));
}
