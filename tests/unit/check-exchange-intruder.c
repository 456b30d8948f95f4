/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks to a mail port without being a mail client: web browsers, which a page can
 * make say almost anything, and clients that begin TLS. */

#include "exchange.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "scene.h"

/* What one of the protocols thinks of a client's first line. */
static int judge(const struct protocol *protocol, const char *said, size_t piece)
{
	_cleanup_scene_ struct scene s;
	struct line line;
	int r;

	scene_begin(&s, protocol);
	scene_say(s.client_fd, said, strlen(said), piece);
	r = exchange_line(&s.x, CLIENT_LINE_MAX, &line);
	ck_assert_msg(
	    (r < 0) == (s.x.why != NULL), "'%s': the reason is '%s'", said, s.x.why);
	if (r == 1) {
		ck_assert_uint_eq(line.raw_len, strlen(said));
		ck_assert_mem_eq(line.text, said, line.len);
	}
	return r;
}

START_TEST(test_knows_who_speaks_something_else)
{
	static const struct {
		const char *said;
		int smtp, imap;
	} rows[] = {
	    {"EHLO x\r\n", 1, 1},
	    {"a1 LOGIN x y\r\n", 1, 1},
	    {"GET / HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"GET / HTTP/1.0\n", -EPERM, -EPERM},
	    {"GET /\r\n", -EPERM, -EPERM},
	    {"POST /smtp HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"PUT /x HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"HEAD / HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"DELETE / HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"PATCH / HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"TRACE / HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"OPTIONS * HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"OPTIONS *\r\n", -EPERM, -EPERM},
	    {"CONNECT mail.example:25 HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"CONNECT 127.0.0.1:25\r\n", -EPERM, -EPERM},
	    {"PRI * HTTP/2.0\r\n", -EPERM, -EPERM},
	    {"GET http://x/ HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"PROPFIND / HTTP/1.1\r\n", -EPERM, -EPERM},
	    {"get / http/1.1\r\n", -EPERM, -EPERM},
	    {"GETTING /\r\n", -EPERM, -EPERM},
	    {"X https://x\r\n", -EPERM, -EPERM},
	    {"X HTTP://x\r\n", -EPERM, -EPERM},
	    {"FOO x HTTP/11.2\r\n", 1, 1},
	    /* a tag may be spelled like a method */
	    {"GET NOOP\r\n", 1, 1},
	    {"POST LOGIN x y\r\n", 1, 1},
	    {"PUT CAPABILITY\r\n", 1, 1},
	    {"a1 LOGIN x HTTPS\r\n", 1, 1},
	    {"NOOP HTTP\r\n", 1, 1},
	    {"GET\r\n", 1, 1},
	    /* the first byte */
	    {"\x16\x03\x01\x02\n", -EPERM, -EPERM},
	    {"1 NOOP\r\n", -EPERM, 1},
	    {"* OK\r\n", -EPERM, 1},
	    {"\r\n", -EPERM, 1},
	    {"\n", -EPERM, 1},
	    {" EHLO\r\n", -EPERM, 1},
	    {"\x05\x01\n", -EPERM, 1},
	    {"\xff\n", -EPERM, 1},
	    {"SSH-2.0-OpenSSH\r\n", 1, 1},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (size_t piece = 1; piece <= strlen(rows[i].said); piece++) {
			int smtp = judge(&protocol_smtp, rows[i].said, piece);
			int imap = judge(&protocol_imap, rows[i].said, piece);
			int pop3 = judge(&protocol_pop3, rows[i].said, piece);

			ck_assert_msg(smtp == rows[i].smtp && imap == rows[i].imap &&
					  pop3 == smtp, /* letters first, both */
			    "'%s' in %zu: %d, %d, %d", rows[i].said, piece, smtp, imap,
			    pop3);
		}
}
END_TEST

/* A port scanner may never end its line, and waits for no more than an answer. */
START_TEST(test_a_request_is_known_before_its_line_ends)
{
	static const char *const said[] = {"GET /", "POST /smtp HTTP/1.1", "OPTIONS *"};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		_cleanup_scene_ struct scene s;
		struct line line;
		int r;

		scene_begin(&s, &protocol_smtp);
		scene_client_says(&s, said[i]);
		scene_client_ends(&s);
		r = exchange_line(&s.x, CLIENT_LINE_MAX, &line);
		ck_assert_msg(r == -EPERM, "'%s': %d", said[i], r);
	}
}
END_TEST

/* Headers in which a browser hides commands come line by line. */
START_TEST(test_a_request_is_known_in_any_line)
{
	_cleanup_scene_ struct scene s;
	struct line line;

	scene_begin(&s, &protocol_smtp);
	scene_client_says(&s, "NOOP\r\nPOST / HTTP/1.1\r\nMAIL FROM:<a@b>\r\n");
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), 1);
	stream_drop_line(&s.client, &line);
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), -EPERM);
}
END_TEST

START_TEST(test_only_the_first_byte_is_the_first)
{
	_cleanup_scene_ struct scene s;
	struct line line;

	scene_begin(&s, &protocol_smtp);
	scene_client_says(&s, "NOOP\r\n1\r\n\x16\r\n");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(exchange_line(&s.x, 100, &line), 1);
		stream_drop_line(&s.client, &line);
	}
}
END_TEST

START_TEST(test_a_handshake_is_refused_at_its_first_byte)
{
	_cleanup_scene_ struct scene s;
	struct line line;

	scene_begin(&s, &protocol_imap);
	scene_client_says(&s, "\x16");
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), -EPERM);
	ck_assert_ptr_nonnull(strstr(s.x.why, "TLS"));
}
END_TEST

START_TEST(test_judges_what_came_before_it_was_spoken_to)
{
	static const struct {
		const char *said;
		int want;
	} rows[] = {
	    {"", 0},
	    {"EHLO x\r\n", 0},
	    {"EHL", 0},
	    {"GET / HTTP/1.1\r\nHost: x\r\n", -EPERM},
	    {"GET / HTT", -EPERM},
	    {"GET", 0},
	    {"GET ", 0},
	    {"\x16\x03\x01", -EPERM},
	    {"9", -EPERM},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		int r;

		scene_begin(&s, &protocol_smtp);
		scene_client_says(&s, rows[i].said);
		r = exchange_judge_early(&s.x);
		ck_assert_msg(r == rows[i].want, "'%s': %d", rows[i].said, r);
	}
}
END_TEST

START_TEST(test_an_early_end_is_no_judgement)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	scene_client_ends(&s);
	ck_assert_int_eq(exchange_judge_early(&s.x), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_knows_who_speaks_something_else,
	    test_a_request_is_known_before_its_line_ends,
	    test_a_request_is_known_in_any_line,
	    test_only_the_first_byte_is_the_first,
	    test_a_handshake_is_refused_at_its_first_byte,
	    test_judges_what_came_before_it_was_spoken_to,
	    test_an_early_end_is_no_judgement,
	};

	return check_program("exchange-intruder", tests, ELEMENTSOF(tests));
}
