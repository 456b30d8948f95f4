/* SPDX-License-Identifier: Apache-2.0 */
/* Buffered connections in plain text: lines, bounds, ends and deadlines. TLS is check-tls's. */

#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "repeated-text.h"
#include "scene.h"
#include "stream-pair.h"

/* Each of the other side's messages is a read of its own. */
static void begin_packets(struct pair *p)
{
	int fds[2];

	scene_pair(SOCK_SEQPACKET, fds);
	begin(p, fds);
}

static void say(struct pair *p, const char *text)
{
	scene_say(p->theirs, text, strlen(text), SCENE_PACKET_MAX);
}

START_TEST(test_descriptors_become_non_blocking_and_are_owned)
{
	struct stream s;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(stream_init(&s, fds[0], fds[1]), 0);
	ck_assert(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	stream_done(&s);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), -1);
	ck_assert_int_eq(s.in_fd, -1);
	stream_done(&s);
}
END_TEST

START_TEST(test_bad_descriptors_are_errors)
{
	struct stream s;
	int fds[2];

	ck_assert_int_eq(stream_init(&s, -1, -1), -EBADF);
	peer_unix_pair(fds);
	close(fds[1]);
	ck_assert_int_eq(stream_init(&s, fds[0], fds[1]), -EBADF);
}
END_TEST

START_TEST(test_lines_come_out_as_they_went_in)
{
	static const struct {
		const char *said, *line;
		size_t raw_len;
	} rows[] = {
	    {"abc\r\n", "abc", 5},
	    {"abc\n", "abc", 4},
	    {"\r\n", "", 2},
	    {"\n", "", 1},
	    {"a\rb\r\n", "a\rb", 5},
	    {"a\r\r\n", "a\r", 4},
	    {"abc\r\ndef\r\n", "abc", 5},
	    {"\r\r\n", "\r", 3},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (size_t piece = 1; piece <= strlen(rows[i].said); piece++) {
			_cleanup_pair_ struct pair p;
			struct line line;

			begin_packets(&p);
			scene_say(p.theirs, rows[i].said, strlen(rows[i].said), piece);
			ck_assert_int_eq(stream_line(&p.s, 100, SOON, &line), 1);
			ck_assert_uint_eq(line.raw_len, rows[i].raw_len);
			ck_assert_uint_eq(line.len, strlen(rows[i].line));
			ck_assert_mem_eq(line.text, rows[i].line, line.len);
		}
}
END_TEST

START_TEST(test_a_line_stays_until_it_is_dropped)
{
	_cleanup_pair_ struct pair p;
	struct line line;

	begin_unix(&p);
	say(&p, "a\r\nb\n\xff");
	scene_say(p.theirs, "\0c\n", 3, 3);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(stream_line(&p.s, 100, SOON, &line), 1);
		ck_assert_mem_eq(line.text, "a", 1);
	}
	stream_drop_line(&p.s, &line);
	ck_assert(stream_find_line(&p.s, &line));
	ck_assert_mem_eq(line.text, "b", line.len);
	stream_drop_line(&p.s, &line);
	ck_assert_int_eq(stream_line(&p.s, 100, SOON, &line), 1);
	ck_assert_uint_eq(line.len, 3);
	ck_assert_mem_eq(line.text, "\xff\0c", 3);
	stream_drop_line(&p.s, &line);
	ck_assert(!stream_has_input(&p.s));
	ck_assert(!stream_find_line(&p.s, &line));
}
END_TEST

START_TEST(test_lines_have_a_bound)
{
	static const struct {
		size_t letters;
		const char *end;
		size_t max;
		int want;
	} rows[] = {
	    {98, "\r\n", 100, 1},
	    {99, "\n", 100, 1},
	    {99, "\r\n", 100, -EMSGSIZE},
	    {100, "\n", 100, -EMSGSIZE},
	    {99, "", 100, -ETIMEDOUT},
	    {100, "", 100, -EMSGSIZE},
	    {4094, "\r\n", 4096, 1},
	    {4095, "\r\n", 4096, -EMSGSIZE},
	    {8190, "\r\n", 8192, 1},
	    {8191, "\r\n", 8192, -EMSGSIZE},
	    {100000, "\r\n", 8192, -EMSGSIZE},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret said = {0};
		_cleanup_pair_ struct pair p;
		struct line line;
		uint64_t deadline = rows[i].want == -ETIMEDOUT ? deadline_in(1000) : SOON;
		int r;

		repeated_text(&said, "x", rows[i].letters);
		ck_assert_int_eq(secret_puts(&said, rows[i].end), 0);
		begin_packets(&p);
		scene_say(p.theirs, said.data, said.len, SCENE_PACKET_MAX);
		r = stream_line(&p.s, rows[i].max, deadline, &line);
		ck_assert_msg(
		    r == rows[i].want, "%zu of %zu: %d", said.len, rows[i].max, r);
		ck_assert_uint_le(p.s.input.len, rows[i].max + 4096);
	}
}
END_TEST

START_TEST(test_the_end_comes_after_what_was_said)
{
	_cleanup_pair_ struct pair p;
	struct line line;

	begin_unix(&p);
	say(&p, "a\r\nb");
	leave(&p);
	ck_assert_int_eq(stream_line(&p.s, 100, SOON, &line), 1);
	stream_drop_line(&p.s, &line);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(stream_line(&p.s, 100, SOON, &line), 0);
		ck_assert_str_eq(secret_str(&p.s.input), "b");
	}
	ck_assert(p.s.ended);
	ck_assert_int_eq(stream_fill(&p.s, SOON), 0);
	ck_assert_int_eq(stream_fill_now(&p.s), 0);
}
END_TEST

START_TEST(test_reading_without_waiting)
{
	_cleanup_pair_ struct pair p;

	begin_unix(&p);
	ck_assert_int_eq(stream_fill_now(&p.s), -EAGAIN);
	say(&p, "abc");
	ck_assert_int_eq(stream_fill_now(&p.s), 3);
	ck_assert(stream_has_input(&p.s));
	ck_assert_int_eq(stream_fill_now(&p.s), -EAGAIN);
	leave(&p);
	ck_assert_int_eq(stream_fill_now(&p.s), 0);
}
END_TEST

START_TEST(test_silence_is_not_waited_for_longer_than_the_deadline)
{
	_cleanup_pair_ struct pair p;
	struct line line;
	uint64_t before = deadline_now();

	begin_unix(&p);
	ck_assert_int_eq(stream_fill(&p.s, deadline_in(5000)), -ETIMEDOUT);
	ck_assert_int_eq(stream_line(&p.s, 100, deadline_in(5000), &line), -ETIMEDOUT);
	ck_assert_uint_ge(deadline_now() - before, 10000);
	/* what is there needs no waiting */
	say(&p, "a\n");
	ck_assert_int_eq(stream_fill(&p.s, 0), 2);
	ck_assert_int_eq(stream_line(&p.s, 100, 0, &line), 1);
}
END_TEST

/* Another byte is always there at once, and never a line end. */
static int dribble(int fd, void *data _unused_)
{
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		;
	return 0;
}

START_TEST(test_a_byte_a_moment_does_not_outlive_the_deadline)
{
	struct pair p;
	struct line line;
	uint64_t before = deadline_now();
	pid_t peer;

	begin_packets(&p);
	peer = peer_start(dribble, p.theirs, -1, NULL);
	p.theirs = -1;
	ck_assert_int_eq(
	    stream_line(&p.s, SIZE_MAX / 4, deadline_in(20000), &line), -ETIMEDOUT);
	ck_assert_uint_lt(deadline_now() - before, 5 * USEC_PER_SEC);
	pair_done(&p);
	ck_assert_int_eq(peer_verdict(peer), 0);
}
END_TEST

START_TEST(test_writes_all)
{
	_cleanup_pair_ struct pair p;
	char heard[8];

	begin_unix(&p);
	ck_assert_int_eq(stream_write(&p.s, "abc\0d", 5, SOON), 0);
	ck_assert_int_eq(stream_write(&p.s, "", 0, 0), 0);
	ck_assert_int_eq(read(p.theirs, heard, sizeof(heard)), 5);
	ck_assert_mem_eq(heard, "abc\0d", 5);
}
END_TEST

static int read_slowly(int fd, void *expected)
{
	size_t n = 0;
	char buffer[777];
	ssize_t got;

	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		n += (size_t)got;
	return n == *(const size_t *)expected ? 0 : 1;
}

START_TEST(test_writes_more_than_the_socket_takes)
{
	static size_t size = (size_t)1024 * 1024;
	_cleanup_secret_ struct secret bytes = {0};
	struct pair p;
	pid_t peer;

	begin_unix(&p);
	peer = peer_start(read_slowly, p.theirs, -1, &size);
	p.theirs = -1;
	repeated_text(&bytes, "0123456789abcdef", size / 16);
	ck_assert_int_eq(stream_write(&p.s, bytes.data, size, SOON), 0);
	pair_done(&p);
	ck_assert_int_eq(peer_verdict(peer), 0);
}
END_TEST

START_TEST(test_a_peer_that_does_not_read_costs_no_more_than_the_deadline)
{
	static char bytes[4 * 1024 * 1024];
	_cleanup_pair_ struct pair p;

	begin_unix(&p);
	ck_assert_int_eq(
	    stream_write(&p.s, bytes, sizeof(bytes), deadline_in(5000)), -ETIMEDOUT);
}
END_TEST

START_TEST(test_writing_to_a_peer_that_is_gone)
{
	_cleanup_pair_ struct pair p;

	signal(SIGPIPE, SIG_IGN);
	begin_unix(&p);
	leave(&p);
	ck_assert_int_eq(stream_write(&p.s, "x", 1, SOON), -EPIPE);
}
END_TEST

START_TEST(test_one_attempt_says_what_to_wait_for)
{
	static char bytes[4 * 1024 * 1024];
	_cleanup_pair_ struct pair p;
	short events = 0;

	begin_unix(&p);
	ck_assert_int_eq(stream_read_some(&p.s, bytes, 10, &events), -EAGAIN);
	ck_assert_int_eq(events, POLLIN);
	while (stream_write_some(&p.s, bytes, sizeof(bytes), &events) > 0)
		;
	ck_assert_int_eq(events, POLLOUT);
	leave(&p);
	ck_assert_int_eq(stream_read_some(&p.s, bytes, 10, &events), -ECONNRESET);
	ck_assert_int_eq(stream_read_some(&p.s, bytes, 10, &events), 0);
}
END_TEST

START_TEST(test_pipes_are_streams_too)
{
	struct stream s;
	struct line line;
	int in[2], out[2];
	char heard[8];

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	ck_assert_int_eq(stream_init(&s, in[0], out[1]), 0);
	ck_assert_int_eq(write(in[1], "a\nb", 3), 3);
	close(in[1]);
	ck_assert_int_eq(stream_line(&s, 100, SOON, &line), 1);
	stream_drop_line(&s, &line);
	ck_assert_int_eq(stream_line(&s, 100, SOON, &line), 0);
	ck_assert_int_eq(stream_write(&s, "xyz", 3, SOON), 0);
	ck_assert_int_eq(read(out[0], heard, sizeof(heard)), 3);
	stream_done(&s);
	ck_assert_int_eq(read(out[0], heard, sizeof(heard)), 0);
}
END_TEST

START_TEST(test_input_is_wiped)
{
	struct pair p;
	struct line line;

	begin_unix(&p);
	freed_memory_watch("hunter2");
	say(&p, "hunter2\r\nhunter2");
	ck_assert_int_eq(stream_line(&p.s, 100, SOON, &line), 1);
	stream_drop_line(&p.s, &line);
	pair_done(&p);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_descriptors_become_non_blocking_and_are_owned,
	    test_bad_descriptors_are_errors,
	    test_lines_come_out_as_they_went_in,
	    test_a_line_stays_until_it_is_dropped,
	    test_lines_have_a_bound,
	    test_the_end_comes_after_what_was_said,
	    test_reading_without_waiting,
	    test_silence_is_not_waited_for_longer_than_the_deadline,
	    test_a_byte_a_moment_does_not_outlive_the_deadline,
	    test_writes_all,
	    test_writes_more_than_the_socket_takes,
	    test_a_peer_that_does_not_read_costs_no_more_than_the_deadline,
	    test_writing_to_a_peer_that_is_gone,
	    test_one_attempt_says_what_to_wait_for,
	    test_pipes_are_streams_too,
	    test_input_is_wiped,
	};

	return check_program("stream", tests, ELEMENTSOF(tests));
}
