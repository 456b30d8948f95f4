/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for one side while the other is watched: who is gone, and who has only said all
 * there was to say. */

#include "stream.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "stream-pair.h"

START_TEST(test_what_is_a_reset)
{
	int tcp[2], ux[2], pipes[2];

	ck_assert(!stream_is_reset(-1));
	peer_tcp_pair(tcp);
	peer_unix_pair(ux);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert(!stream_is_reset(tcp[0]) && !stream_is_reset(ux[0]));
	ck_assert(!stream_is_reset(pipes[0]) && !stream_is_reset(pipes[1]));
	/* a half-closed connection still takes our answers */
	ck_assert_int_eq(shutdown(tcp[1], SHUT_WR), 0);
	ck_assert_int_eq(shutdown(ux[1], SHUT_WR), 0);
	ck_assert(!stream_is_reset(tcp[0]) && !stream_is_reset(ux[0]));
	/* a pipe whose writer ended is one that was read to its end */
	close(pipes[1]);
	ck_assert(!stream_is_reset(pipes[0]));
	peer_reset(tcp[1]);
	close(ux[1]);
	ck_assert(stream_is_reset(tcp[0]));
	ck_assert(stream_is_reset(ux[0]));
	/* looking does not change it */
	ck_assert(stream_is_reset(tcp[0]));
	close(tcp[0]);
	ck_assert(stream_is_reset(tcp[0]));
}
END_TEST

START_TEST(test_a_pipe_without_a_reader_is_a_reset)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	ck_assert(stream_is_reset(fds[1]));
}
END_TEST

START_TEST(test_what_a_gone_unix_client_sent_still_counts)
{
	int fds[2];
	char bytes[3];

	peer_unix_pair(fds);
	ck_assert_int_eq(write(fds[1], "abc", 3), 3);
	close(fds[1]);
	ck_assert(!stream_is_reset(fds[0]));
	ck_assert_int_eq(read(fds[0], bytes, 3), 3);
	ck_assert(stream_is_reset(fds[0]));
}
END_TEST

/* Waits, reading or writing, while the watched peer leaves. */
static int wait_watching(bool tcp, bool writing)
{
	static char bytes[4 * 1024 * 1024];
	_cleanup_pair_ struct pair p;
	int watched[2], r;

	begin_unix(&p);
	if (tcp)
		peer_tcp_pair(watched);
	else
		peer_unix_pair(watched);
	p.s.watch_fd = watched[0];
	if (tcp)
		peer_reset(watched[1]);
	else
		close(watched[1]);
	r = writing ? stream_write(&p.s, bytes, sizeof(bytes), SOON)
		    : stream_fill(&p.s, SOON);
	close(watched[0]);
	return r;
}

START_TEST(test_a_watched_reset_ends_the_wait)
{
	ck_assert_int_eq(wait_watching(true, false), -ECONNABORTED);
	ck_assert_int_eq(wait_watching(true, true), -ECONNABORTED);
	ck_assert_int_eq(wait_watching(false, false), -ECONNABORTED);
	ck_assert_int_eq(wait_watching(false, true), -ECONNABORTED);
}
END_TEST

START_TEST(test_a_watched_end_does_not_end_the_wait)
{
	for (int i = 0; i < 4; i++) {
		_cleanup_pair_ struct pair p;
		int watched[2];

		begin_unix(&p);
		if (i == 0)
			peer_tcp_pair(watched);
		else if (i < 3)
			peer_unix_pair(watched);
		else
			ck_assert_int_eq(pipe(watched), 0);
		p.s.watch_fd = watched[0];
		if (i == 2) /* gone, but what it sent is unread */
			ck_assert_int_eq(write(watched[1], "x", 1), 1);
		if (i < 2)
			ck_assert_int_eq(shutdown(watched[1], SHUT_WR), 0);
		else
			close(watched[1]);
		ck_assert_int_eq(stream_fill(&p.s, deadline_in(5000)), -ETIMEDOUT);
		ck_assert_int_eq(write(p.theirs, "x", 1), 1);
		ck_assert_int_eq(stream_fill(&p.s, SOON), 1);
	}
}
END_TEST

START_TEST(test_what_is_there_wins_over_a_watched_reset)
{
	_cleanup_pair_ struct pair p;
	int watched[2];

	begin_unix(&p);
	peer_unix_pair(watched);
	p.s.watch_fd = watched[0];
	close(watched[1]);
	ck_assert_int_eq(write(p.theirs, "x", 1), 1);
	ck_assert_int_eq(stream_fill(&p.s, SOON), 1);
	ck_assert_int_eq(stream_write(&p.s, "x", 1, SOON), 0);
	ck_assert_int_eq(stream_fill(&p.s, SOON), -ECONNABORTED);
}
END_TEST

/* Leaves once it is told to, in the midst of the other's wait. */
static int leave_when_told(int fd, void *theirs)
{
	char byte;

	if (read(*(const int *)theirs, &byte, 1) != 1)
		return 1;
	close(fd);
	return 0;
}

START_TEST(test_a_client_that_leaves_during_the_wait)
{
	struct pair p;
	int watched[2];
	pid_t peer;

	begin_unix(&p);
	peer_unix_pair(watched);
	peer = peer_start(leave_when_told, watched[1], p.theirs, &p.theirs);
	p.s.watch_fd = watched[0];
	ck_assert_int_eq(stream_write(&p.s, "x", 1, SOON), 0);
	ck_assert_int_eq(stream_fill(&p.s, SOON), -ECONNABORTED);
	ck_assert_int_eq(peer_verdict(peer), 0);
	pair_done(&p);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_what_is_a_reset,
	    test_a_pipe_without_a_reader_is_a_reset,
	    test_what_a_gone_unix_client_sent_still_counts,
	    test_a_watched_reset_ends_the_wait,
	    test_a_watched_end_does_not_end_the_wait,
	    test_what_is_there_wins_over_a_watched_reset,
	    test_a_client_that_leaves_during_the_wait,
	};

	return check_program("stream-watch", tests, ELEMENTSOF(tests));
}
