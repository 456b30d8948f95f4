/* SPDX-License-Identifier: Apache-2.0 */
/* The relay between two peers: what arrives, and how it ends. */

#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "peer.h"
#include "stage.h"

START_TEST(test_both_directions_pass_unchanged)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		_cleanup_stage_ struct stage s;

		tcp ? stage_begin_tcp(&s) : stage_begin(&s);
		stage_say(s.client_fd, "QUIT\r\nno\rline\n.\r\n");
		scene_say(s.client_fd, "\0\xff", 2, 2);
		stage_say(s.server_fd, "221 bye\r\n");
		stage_finish(s.server_fd);
		stage_finish(s.client_fd);
		ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
		ck_assert_uint_eq(s.relay.bytes_in, 19);
		ck_assert_uint_eq(s.relay.bytes_out, 9);
		stage_check_heard(s.client_fd, "221 bye\r\n", false);
		ck_assert_int_eq(
		    fcntl(s.server_fd, F_SETFL, fcntl(s.server_fd, F_GETFL) | O_NONBLOCK),
		    0);
		{
			char bytes[32];

			ck_assert_int_eq(read(s.server_fd, bytes, sizeof(bytes)), 19);
			ck_assert_mem_eq(bytes + 17, "\0\xff", 2);
		}
	}
}
END_TEST

START_TEST(test_what_was_read_before_goes_first)
{
	_cleanup_stage_ struct stage s;

	stage_begin(&s);
	ck_assert_int_eq(secret_puts(&s.client.input, "MAIL FROM:<a@b>\r\n"), 0);
	ck_assert_int_eq(secret_puts(&s.upstream.input, "* 1 EXISTS\r\n"), 0);
	stage_say(s.client_fd, "RCPT");
	stage_finish(s.client_fd);
	stage_say(s.server_fd, "* 2 EXISTS\r\n");
	stage_finish(s.server_fd);
	s.relay.bytes_in = 100;
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	stage_check_heard(s.client_fd, "* 1 EXISTS\r\n* 2 EXISTS\r\n", false);
	ck_assert_uint_eq(s.relay.bytes_out, 24);
	ck_assert_uint_ge(s.relay.bytes_in, 117);
}
END_TEST

START_TEST(test_input_larger_than_a_buffer_goes_whole)
{
	static char bytes[200 * 1000];
	_cleanup_stage_ struct stage s;
	_cleanup_secret_ struct secret heard = {0};
	int client[2], server[2];

	scene_pair(SOCK_STREAM, client);
	scene_pair(SOCK_STREAM, server);
	stage_begin_with(&s, client, server);
	memset(bytes, 'x', sizeof(bytes));
	bytes[sizeof(bytes) - 1] = 'z';
	ck_assert_int_eq(secret_append(&s.client.input, bytes, sizeof(bytes)), 0);
	stage_finish(s.client_fd);
	s.relay.drain_usec = STAGE_SHORT;
	ck_assert_int_eq(relay_run(&s.relay), RELAY_CLIENT_LEFT);
	ck_assert_uint_eq(s.relay.bytes_in, sizeof(bytes));
	scene_heard(s.server_fd, &heard);
	ck_assert_uint_eq(heard.len, sizeof(bytes));
	ck_assert_mem_eq(heard.data, bytes, sizeof(bytes));
}
END_TEST

/* A server that answers only once the client has said all: its end must have come. */
static int answer_after_the_end(int fd, void *wanted)
{
	char bytes[64];
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, bytes + n, sizeof(bytes) - n)) > 0)
		n += (size_t)got;
	if (got < 0 || n != strlen(wanted) || memcmp(bytes, wanted, n) != 0)
		return 1;
	return write(fd, "250 OK\r\n", 8) == 8 ? 0 : 2;
}

START_TEST(test_the_clients_end_passes_in_plain_text)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		static char wanted[] = "mail";
		struct stage s;
		pid_t server;

		tcp ? stage_begin_tcp(&s) : stage_begin(&s);
		server = peer_start(answer_after_the_end, s.server_fd, -1, wanted);
		s.server_fd = -1;
		stage_say(s.client_fd, wanted);
		stage_finish(s.client_fd);
		ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
		stage_check_heard(s.client_fd, "250 OK\r\n", false);
		ck_assert_int_eq(peer_verdict(server), 0);
		stage_done(&s);
	}
}
END_TEST

/* Leaves for good before the server has answered; what it sent must arrive, and the
 * server's answers must be read away so that it can end. */
static int talk_and_answer(int fd, void *data _unused_)
{
	static char noise[300 * 1000];
	char bytes[64];
	ssize_t got;
	size_t n = 0;

	while ((got = read(fd, bytes + n, sizeof(bytes) - n)) > 0)
		n += (size_t)got;
	if (got < 0 || n != 4 || memcmp(bytes, "mail", 4) != 0)
		return 1;
	for (size_t at = 0; at < sizeof(noise); at += (size_t)got) {
		got = write(fd, noise + at, sizeof(noise) - at);
		if (got <= 0)
			return 2;
	}
	return 0;
}

START_TEST(test_a_client_that_is_gone_after_its_end_is_not_missed)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct stage s;
		pid_t server;

		tcp ? stage_begin_tcp(&s) : stage_begin(&s);
		server = peer_start(talk_and_answer, s.server_fd, -1, NULL);
		s.server_fd = -1;
		stage_say(s.client_fd, "mail");
		stage_leave(&s.client_fd);
		ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
		ck_assert_uint_eq(s.relay.bytes_in, 4);
		ck_assert_int_eq(peer_verdict(server), 0);
		stage_done(&s);
	}
}
END_TEST

/* The same where the server's words are on their way already. */
START_TEST(test_a_client_that_leaves_without_reading_is_heard_to_its_end)
{
	struct stage s;
	pid_t server;

	stage_begin(&s);
	ck_assert_int_eq(secret_puts(&s.upstream.input, "250 OK\r\n"), 0);
	stage_say(s.client_fd, "mail");
	stage_leave(&s.client_fd); /* before the peer can inherit it */
	server = peer_start(talk_and_answer, s.server_fd, -1, NULL);
	s.server_fd = -1;
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	ck_assert_int_eq(peer_verdict(server), 0);
	stage_done(&s);
}
END_TEST

/* Sends a pattern while it receives and checks another, until both are through. */
#define PATTERN_BYTES ((size_t)1024 * 1024)

static char pattern_at(size_t i, char seed)
{
	return (char)(i * 31 + i / 251 + (size_t)seed);
}

static size_t send_pattern(int fd, size_t at, char seed)
{
	char bytes[5000] = "";
	size_t n = MIN_OF(sizeof(bytes), PATTERN_BYTES - at);
	ssize_t put;

	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern_at(at + i, seed);
	put = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return put > 0 ? (size_t)put : 0;
}

/* How many bytes were right; 0 at the end. */
static size_t check_pattern(int fd, size_t at, char seed)
{
	char bytes[5000];
	ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	for (ssize_t i = 0; i < got; i++)
		if (bytes[i] != pattern_at(at + (size_t)i, seed))
			_exit(3);
	return got > 0 ? (size_t)got : 0;
}

static int exchange_patterns(int fd, char own, char other, bool says_when_it_ends)
{
	size_t sent = 0, received = 0, n;
	struct pollfd p = {.fd = fd};

	while (received < PATTERN_BYTES || sent < PATTERN_BYTES) {
		p.events = (short)((received < PATTERN_BYTES ? POLLIN : 0) |
				   (sent < PATTERN_BYTES ? POLLOUT : 0));
		if (poll(&p, 1, 20000) <= 0)
			return 1;
		if ((p.revents & POLLOUT) && sent < PATTERN_BYTES) {
			sent += send_pattern(fd, sent, own);
			if (sent == PATTERN_BYTES && says_when_it_ends &&
			    shutdown(fd, SHUT_WR) < 0)
				return 2;
		}
		if (received == PATTERN_BYTES || !(p.revents & (POLLIN | POLLHUP)))
			continue;
		n = check_pattern(fd, received, other);
		if (n == 0)
			return 4;
		received += n;
	}
	return 0;
}

static int play_client(int fd, void *data _unused_)
{
	return exchange_patterns(fd, 3, 99, true);
}

/* Its end would be the session's, so it comes when all has been received. */
static int play_server(int fd, void *data _unused_)
{
	return exchange_patterns(fd, 99, 3, false);
}

/* Room for little, so that nothing passes at once. */
static void make_narrow(int fd)
{
	static const int little = 16 * 1024;

	ck_assert_int_eq(
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little)), 0);
}

START_TEST(test_much_passes_both_ways_at_once)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct stage s;
		pid_t client, server;

		tcp ? stage_begin_tcp(&s) : stage_begin(&s);
		make_narrow(s.client.in_fd);
		make_narrow(s.upstream.in_fd);
		make_narrow(s.client_fd);
		make_narrow(s.server_fd);
		client = peer_start(play_client, s.client_fd, -1, NULL);
		server = peer_start(play_server, s.server_fd, -1, NULL);
		s.client_fd = s.server_fd = -1;
		ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
		ck_assert_uint_eq(s.relay.bytes_in, PATTERN_BYTES);
		ck_assert_uint_eq(s.relay.bytes_out, PATTERN_BYTES);
		stage_done(&s);
		ck_assert_int_eq(peer_verdict(client), 0);
		ck_assert_int_eq(peer_verdict(server), 0);
	}
}
END_TEST

START_TEST(test_a_reset_ends_it)
{
	static const struct {
		bool client;
		const char *says;
		enum relay_end want;
	} rows[] = {
	    {true, "", RELAY_CLIENT_RESET},
	    {true, "DATA\r\n", RELAY_CLIENT_RESET},
	    {true, "quit\r\n", RELAY_CLIENT_LEFT},
	    {true, "1 LOGOUT\r\n", RELAY_CLIENT_LEFT},
	    {true, "1 SELECT a\r\n2 LOGOUT\r\n", RELAY_CLIENT_RESET},
	    {false, "", RELAY_UPSTREAM_RESET},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_stage_ struct stage s;
		int r;

		stage_begin_tcp(&s);
		s.relay.drain_usec = 1000;
		ck_assert_int_eq(write(s.client_fd, rows[i].says, strlen(rows[i].says)),
		    (ssize_t)strlen(rows[i].says));
		if (rows[i].client)
			peer_reset(TAKE_FD(s.client_fd));
		else
			peer_reset(TAKE_FD(s.server_fd));
		r = relay_run(&s.relay);
		ck_assert_msg(r == (int)rows[i].want, "%zu: %d", i, r);
	}
}
END_TEST

START_TEST(test_the_servers_last_words_arrive_though_it_takes_no_more)
{
	_cleanup_stage_ struct stage s;

	stage_begin(&s);
	stage_say(s.server_fd, "421 too much\r\n");
	stage_leave(&s.server_fd);
	stage_say(s.client_fd, "more");
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	stage_check_heard(s.client_fd, "421 too much\r\n", false);
}
END_TEST

START_TEST(test_a_client_on_pipes)
{
	_cleanup_stage_ struct stage s;
	char heard[32];
	int out;

	stage_begin_pipes(&s, &out);
	ck_assert_int_eq(write(s.client_fd, "QUIT\r\n", 6), 6);
	stage_leave(&s.client_fd);
	stage_say(s.server_fd, "221 bye\r\n");
	stage_finish(s.server_fd);
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	ck_assert_int_eq(read(out, heard, sizeof(heard)), 9);
	ck_assert_mem_eq(heard, "221 bye\r\n", 9);
	stage_leave(&out);
}
END_TEST

START_TEST(test_a_client_on_pipes_that_reads_no_more)
{
	struct stage s;
	pid_t server;
	int out;

	stage_begin_pipes(&s, &out);
	stage_leave(&out);
	ck_assert_int_eq(write(s.client_fd, "mail", 4), 4);
	stage_leave(&s.client_fd);
	server = peer_start(talk_and_answer, s.server_fd, -1, NULL);
	s.server_fd = -1;
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	ck_assert_int_eq(peer_verdict(server), 0);
	stage_done(&s);
}
END_TEST

START_TEST(test_every_end_has_a_text)
{
	for (int i = 0; i < RELAY_END_MAX; i++) {
		const char *text = relay_end_text((enum relay_end)i);

		ck_assert(text && *text);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(text, relay_end_text((enum relay_end)j));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_both_directions_pass_unchanged,
	    test_what_was_read_before_goes_first,
	    test_input_larger_than_a_buffer_goes_whole,
	    test_the_clients_end_passes_in_plain_text,
	    test_a_client_that_is_gone_after_its_end_is_not_missed,
	    test_a_client_that_leaves_without_reading_is_heard_to_its_end,
	    test_much_passes_both_ways_at_once,
	    test_a_reset_ends_it,
	    test_the_servers_last_words_arrive_though_it_takes_no_more,
	    test_a_client_on_pipes,
	    test_a_client_on_pipes_that_reads_no_more,
	    test_every_end_has_a_text,
	};

	return check_program("relay", tests, ELEMENTSOF(tests));
}
