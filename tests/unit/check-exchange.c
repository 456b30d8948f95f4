/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a client while a server is watched: what is too much, and what the server
 * says unasked. */

#include "exchange.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "peer.h"
#include "repeated-text.h"
#include "scene.h"

START_TEST(test_lines_have_the_callers_bound)
{
	static const struct {
		size_t letters;
		const char *end;
		int want;
	} rows[] = {{98, "\r\n", 1}, {99, "\n", 1}, {99, "\r\n", -EMSGSIZE},
	    {100, "", -EMSGSIZE}, {5000, "\r\n", -EMSGSIZE}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret said = {0};
		struct line line;
		int r;

		repeated_text(&said, "x", rows[i].letters);
		ck_assert_int_eq(secret_puts(&said, rows[i].end), 0);
		scene_begin(&s, &protocol_smtp);
		scene_say(s.client_fd, said.data, said.len, SCENE_PACKET_MAX);
		r = exchange_line(&s.x, 100, &line);
		ck_assert_msg(r == rows[i].want, "%zu: %d", said.len, r);
	}
}
END_TEST

START_TEST(test_a_long_line_is_skipped_to_its_end)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret said = {0};
	struct line line;

	repeated_text(&said, "x", 100000);
	ck_assert_int_eq(secret_puts(&said, "\r\nNOOP\r\n"), 0);
	scene_begin(&s, &protocol_smtp);
	scene_say(s.client_fd, said.data, said.len, SCENE_PACKET_MAX);
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), -EMSGSIZE);
	ck_assert_int_eq(exchange_skip_line(&s.x, NULL), 0);
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), 1);
	ck_assert_mem_eq(line.text, "NOOP", line.len);
}
END_TEST

START_TEST(test_a_client_that_ends_within_a_long_line)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	scene_client_says(&s, "xxx");
	scene_client_ends(&s);
	ck_assert_int_eq(exchange_skip_line(&s.x, NULL), -ECONNABORTED);
	ck_assert_ptr_nonnull(s.x.why);
}
END_TEST

static int talk_without_a_line_end(int fd, void *data _unused_)
{
	static const char bytes[64 * 1024] = "x";

	while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	return 0;
}

START_TEST(test_a_line_without_an_end_is_not_skipped_for_ever)
{
	struct scene s;
	int fds[2];
	pid_t peer;

	scene_begin(&s, &protocol_smtp);
	stream_done(&s.client);
	peer_unix_pair(fds);
	ck_assert_int_eq(stream_init(&s.client, fds[0], fds[0]), 0);
	peer = peer_start(talk_without_a_line_end, fds[1], -1, NULL);
	ck_assert_int_eq(exchange_skip_line(&s.x, NULL), -EOVERFLOW);
	ck_assert_uint_lt(s.client.input.cap, 1024 * 1024);
	scene_done(&s);
	ck_assert_int_eq(peer_verdict(peer), 0);
}
END_TEST

START_TEST(test_waits_for_bytes)
{
	for (size_t piece = 1; piece <= 6; piece++) {
		_cleanup_scene_ struct scene s;

		scene_begin(&s, &protocol_imap);
		scene_say(s.client_fd, "abcdef", 6, piece);
		scene_client_ends(&s);
		ck_assert_int_eq(exchange_bytes(&s.x, 0), 1);
		ck_assert_int_eq(exchange_bytes(&s.x, 6), 1);
		ck_assert_str_eq(secret_str(&s.client.input), "abcdef");
		ck_assert_int_eq(exchange_bytes(&s.x, 7), 0);
	}
}
END_TEST

START_TEST(test_the_clients_end_comes_after_its_lines)
{
	_cleanup_scene_ struct scene s;
	struct line line;

	scene_begin(&s, &protocol_smtp);
	scene_client_says(&s, "NOOP\r\nQUI");
	scene_client_ends(&s);
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), 1);
	stream_drop_line(&s.client, &line);
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), 0);
	ck_assert_ptr_null(s.x.why);
}
END_TEST

START_TEST(test_a_client_that_says_nothing)
{
	struct protocol impatient = protocol_smtp;
	_cleanup_scene_ struct scene s;
	struct line line;

	impatient.idle_usec = 5000;
	scene_begin(&s, &impatient);
	scene_client_says(&s, "NOO");
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), -ETIME);
	ck_assert_ptr_nonnull(s.x.why);
}
END_TEST

START_TEST(test_a_client_that_is_reset)
{
	_cleanup_scene_ struct scene s;
	struct line line;
	int fds[2];

	scene_begin(&s, &protocol_smtp);
	stream_done(&s.client);
	peer_tcp_pair(fds);
	ck_assert_int_eq(stream_init(&s.client, fds[0], fds[0]), 0);
	peer_reset(fds[1]);
	ck_assert_int_eq(exchange_line(&s.x, 100, &line), -ECONNABORTED);
	ck_assert_ptr_nonnull(s.x.why);
}
END_TEST

START_TEST(test_what_the_server_says_unasked)
{
	static const struct {
		const struct protocol *protocol;
		const char *label, *said;
		bool ends;
		int want;
		const char *heard, *left;
	} rows[] = {
	    {&protocol_smtp, "SMTP closes", "421 4.3.2 bye\r\n", false, -ESHUTDOWN,
		"421 4.3.2 bye\r\n", NULL},
	    {&protocol_smtp, "SMTP closes at length", "421-4.3.2 I\r\n421 4.3.2 go\r\n",
		true, -ESHUTDOWN, "421-4.3.2 I\r\n421 4.3.2 go\r\n", NULL},
	    {&protocol_smtp, "SMTP babbles", "250 OK\r\n", false, -EPROTO, "", NULL},
	    {&protocol_smtp, "SMTP ends", "", true, -ECONNRESET, "", NULL},
	    {&protocol_smtp, "SMTP ends within a line", "421 4", true, -ECONNRESET, "",
		NULL},
	    {&protocol_smtp, "SMTP begins a line", "421 4", false, -ETIME, "", NULL},
	    {&protocol_pop3, "POP3 closes", "-ERR idle\r\n", true, -ESHUTDOWN,
		"-ERR idle\r\n", NULL},
	    {&protocol_pop3, "POP3 closes in lower case", "-err\r\n", false, -ESHUTDOWN,
		"-err\r\n", NULL},
	    {&protocol_pop3, "POP3 babbles", "+OK\r\n", false, -EPROTO, "", NULL},
	    {&protocol_pop3, "POP3 begins a line", "-ER", false, -ETIME, "", NULL},
	    {&protocol_pop3, "POP3 ends", "", true, -ECONNRESET, "", NULL},
	    {&protocol_imap, "IMAP informs", "* 1 EXISTS\r\n* 2 EXISTS\r\n", false,
		-ETIME, "* 1 EXISTS\r\n* 2 EXISTS\r\n", ""},
	    {&protocol_imap, "IMAP informs in part", "* 1 EXISTS\r\n* 2 E", false, -ETIME,
		"* 1 EXISTS\r\n", "* 2 E"},
	    {&protocol_imap, "IMAP says goodbye", "* BYE idle\r\n", true, -ESHUTDOWN,
		"* BYE idle\r\n", ""},
	    {&protocol_imap, "IMAP informs and says goodbye",
		"* 1 EXISTS\r\n* bye idle\r\n* 2 EXISTS\r\n", false, -ESHUTDOWN,
		"* 1 EXISTS\r\n* bye idle\r\n", "* 2 EXISTS\r\n"},
	    {&protocol_imap, "IMAP ends", "", true, -ECONNRESET, "", ""},
	    {&protocol_imap, "IMAP keeps a literal",
		"* 1 EXISTS\r\n* X {3}\r\nabc\r\n* 2 EXISTS\r\n", false, -ETIME,
		"* 1 EXISTS\r\n", "* X {3}\r\nabc\r\n* 2 EXISTS\r\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct protocol impatient = *rows[i].protocol;
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};
		struct line line;
		int r;

		impatient.idle_usec = 5000;
		scene_begin(&s, &impatient);
		scene_server_says(&s, rows[i].said);
		if (rows[i].ends)
			scene_server_ends(&s);
		r = exchange_line(&s.x, 100, &line);
		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_msg(s.x.why != NULL, "%s: no reason", rows[i].label);
		ck_assert_msg(
		    strcmp(scene_heard(s.client_fd, &heard), rows[i].heard) == 0,
		    "%s: the client was told '%s'", rows[i].label, secret_str(&heard));
		if (rows[i].left)
			ck_assert_str_eq(
			    secret_str(&s.upstream.stream.input), rows[i].left);
	}
}
END_TEST

START_TEST(test_a_server_that_floods)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret said = {0};

	repeated_text(&said, "x", (size_t)80 * 1024);
	scene_begin(&s, &protocol_imap);
	scene_say(s.server_fd, said.data, said.len, SCENE_PACKET_MAX);
	ck_assert_int_eq(exchange_hear_server(&s.x), -EPROTO);
	ck_assert_ptr_nonnull(strstr(s.x.why, "floods"));
}
END_TEST

START_TEST(test_hears_whether_the_server_is_still_there)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_imap);
	ck_assert_int_eq(exchange_hear_server(&s.x), 1);
	scene_server_says(&s, "* 1");
	ck_assert_int_eq(exchange_hear_server(&s.x), 1);
	ck_assert_str_eq(secret_str(&s.upstream.stream.input), "* 1");
	scene_server_ends(&s);
	ck_assert_int_eq(exchange_hear_server(&s.x), 0);
}
END_TEST

START_TEST(test_five_errors_are_enough)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	for (int i = 1; i < CLIENT_ERRORS_MAX; i++)
		ck_assert_int_eq(exchange_count_error(&s.x), 0);
	ck_assert_ptr_null(s.x.why);
	ck_assert_int_eq(exchange_count_error(&s.x), -EOVERFLOW);
	ck_assert_ptr_nonnull(strstr(s.x.why, "5"));
}
END_TEST

START_TEST(test_the_first_reason_stays)
{
	_cleanup_scene_ struct scene s;

	scene_begin(&s, &protocol_smtp);
	ck_assert_int_eq(exchange_fail(&s.x, -EPERM, "one %s", "thing"), -EPERM);
	ck_assert_int_eq(exchange_fail(&s.x, -EPROTO, "another"), -EPROTO);
	ck_assert_str_eq(s.x.why, "one thing");
	exchange_done(&s.x);
	ck_assert_int_eq(
	    exchange_fail_quoting(&s.x, -EPERM, "said", "a\x1b[m\r\n%s", 8), -EPERM);
	ck_assert_str_eq(s.x.why, "said: 'a\\x1b[m\\x0d\\x0a%s'");
}
END_TEST

START_TEST(test_replies_to_a_client_that_is_gone)
{
	_cleanup_scene_ struct scene s;

	signal(SIGPIPE, SIG_IGN);
	scene_begin(&s, &protocol_smtp);
	close(TAKE_FD(s.client_fd));
	ck_assert_int_eq(exchange_reply(&s.x, "250 %s\r\n", "OK"), -ECONNABORTED);
	ck_assert_ptr_nonnull(s.x.why);
}
END_TEST

START_TEST(test_how_it_finishes)
{
	static const struct {
		int next, want;
		const char *heard;
	} rows[] = {
	    {NEXT_RELAY, 0, ""},
	    {NEXT_GOODBYE, 1, "QUIT\r\n"},
	    {NEXT_END, 1, ""},
	    {-EPERM, -EPERM, ""},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_secret_ struct secret heard = {0};

		scene_begin(&s, &protocol_smtp);
		scene_server_says(&s, "221 bye\r\n");
		ck_assert_int_eq(exchange_finish(&s.x, rows[i].next), rows[i].want);
		ck_assert_str_eq(scene_heard(s.server_fd, &heard), rows[i].heard);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_lines_have_the_callers_bound,
	    test_a_long_line_is_skipped_to_its_end,
	    test_a_client_that_ends_within_a_long_line,
	    test_a_line_without_an_end_is_not_skipped_for_ever,
	    test_waits_for_bytes,
	    test_the_clients_end_comes_after_its_lines,
	    test_a_client_that_says_nothing,
	    test_a_client_that_is_reset,
	    test_what_the_server_says_unasked,
	    test_a_server_that_floods,
	    test_hears_whether_the_server_is_still_there,
	    test_five_errors_are_enough,
	    test_the_first_reason_stays,
	    test_replies_to_a_client_that_is_gone,
	    test_how_it_finishes,
	};

	return check_program("exchange", tests, ELEMENTSOF(tests));
}
