/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOCKS5 on a socket: all that is said is heard in whatever pieces it comes, and not a
 * byte of what follows is taken. The proxy is the other end of a pair of sockets.
 */

#include "tunnel.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "check-program.h"
#include "deadline.h"

#define GREETING "\5\1\x80"
#define AUTHENTICATION "\1\0\0\0\6ey.J.w\0"
#define CONNECT "\5\1\0\3\1a\0\x19"
#define WAIT_USEC (20 * USEC_PER_SEC)

/* A literal's bytes, which may be 0, and how many. */
#define BYTES(text) (text), sizeof(text) - 1

struct stage {
	sd_event *event;
	struct tunnel *tunnel;
	int ours, proxy;
	bool is_done;
	int error;
	char *why;
};

static void on_done(void *userdata, int error, const char *why)
{
	struct stage *s = userdata;

	ck_assert_msg(!s->is_done, "it is told twice");
	s->is_done = true;
	s->error = error;
	s->why = strdup(why);
	s->tunnel = tunnel_free(s->tunnel);
}

static void stage_make(struct stage *s, uint64_t until_usec)
{
	const struct socks5_request q = {
	    .method = SOCKS5_JWT, .jwt = "ey.J.w", .host = "a", .port = 25};
	int fds[2];
	char *why;

	*s = (struct stage){0};
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	s->ours = fds[0];
	s->proxy = fds[1];
	ck_assert_int_ge(sd_event_new(&s->event), 0);
	ck_assert_int_eq(
	    tunnel_start(s->event, s->ours, &q, until_usec, on_done, s, &s->tunnel, &why),
	    0);
}

static void stage_done(struct stage *s)
{
	tunnel_free(s->tunnel);
	macro_close(&s->ours);
	macro_close(&s->proxy);
	sd_event_unref(s->event);
	free(s->why);
}
#define _cleanup_stage_ _cleanup_(stage_done)

static bool can_read(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Turns the loop until the proxy has just these bytes. */
static void hear(struct stage *s, const char *want, size_t n)
{
	char heard[64];
	size_t have = 0;
	ssize_t m;

	while (have < n) {
		while (!can_read(s->proxy))
			ck_assert_int_gt(sd_event_run(s->event, WAIT_USEC), 0);
		m = recv(s->proxy, heard + have, sizeof(heard) - have, 0);
		ck_assert_int_gt(m, 0);
		have += (size_t)m;
	}
	ck_assert_uint_eq(have, n);
	ck_assert_mem_eq(heard, want, n);
}

static void say(struct stage *s, const char *text, size_t n)
{
	ck_assert_int_eq(send(s->proxy, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* The same byte by byte, each of them heard before the next one comes. */
static void say_slowly(struct stage *s, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		say(s, text + i, 1);
		ck_assert_int_gt(sd_event_run(s->event, WAIT_USEC), 0);
	}
}

static void finish(struct stage *s)
{
	while (!s->is_done)
		ck_assert_int_gt(sd_event_run(s->event, WAIT_USEC), 0);
}

START_TEST(test_leaves_what_follows)
{
	_cleanup_stage_ struct stage s;
	char rest[32];

	stage_make(&s, DEADLINE_NEVER);
	hear(&s, BYTES(GREETING));
	say(&s, BYTES("\5\x80"));
	hear(&s, BYTES(AUTHENTICATION));
	say(&s, BYTES("\1\0"));
	hear(&s, BYTES(CONNECT));
	say(&s, BYTES("\5\0\0\3\2ab\0\x50* OK hello"));
	finish(&s);
	ck_assert_msg(s.error == 0, "%s", s.why);
	ck_assert_int_eq(recv(s.ours, rest, sizeof(rest), 0), 10);
	ck_assert_mem_eq(rest, "* OK hello", 10);
}
END_TEST

START_TEST(test_hears_single_bytes)
{
	_cleanup_stage_ struct stage s;

	stage_make(&s, DEADLINE_NEVER);
	hear(&s, BYTES(GREETING));
	say_slowly(&s, BYTES("\5\x80"));
	hear(&s, BYTES(AUTHENTICATION));
	say_slowly(&s, BYTES("\1\0"));
	hear(&s, BYTES(CONNECT));
	say_slowly(&s, BYTES("\5\0\0\1\1\2\3\4\0\x50"));
	finish(&s);
	ck_assert_msg(s.error == 0, "%s", s.why);
}
END_TEST

START_TEST(test_hears_answers_that_come_too_early)
{
	_cleanup_stage_ struct stage s;

	stage_make(&s, DEADLINE_NEVER);
	say(&s, BYTES("\5\x80\1\0\5\0\0\1\1\2\3\4\0\x50"));
	finish(&s);
	ck_assert_msg(s.error == 0, "%s", s.why);
	ck_assert_msg(!can_read(s.ours), "something is left");
}
END_TEST

START_TEST(test_tells_failures)
{
	static const struct {
		const char *label, *said;
		size_t n;
		int want;
		const char *words;
	} rows[] = {
	    {"the end at once", BYTES(""), -ECONNRESET, "closed"},
	    {"half an answer", BYTES("\5"), -ECONNRESET, "closed"},
	    {"the end in an address", BYTES("\5\x80\1\0\5\0\0\1\1\2"), -ECONNRESET,
		"closed"},
	    {"version 4", BYTES("\4\x80"), -EPROTO, "version"},
	    {"JWT refused", BYTES("\5\x80\1\1"), -EKEYEXPIRED, "token"},
	    {"no mapping", BYTES("\5\x80\1\0\5\2"), -EINVAL, "mapping"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_stage_ struct stage s;

		stage_make(&s, DEADLINE_NEVER);
		say(&s, rows[i].said, rows[i].n);
		ck_assert_int_eq(shutdown(s.proxy, SHUT_WR), 0);
		finish(&s);
		ck_assert_msg(
		    s.error == rows[i].want, "%s: means %d", rows[i].label, s.error);
		ck_assert_msg(
		    strstr(s.why, rows[i].words), "%s: %s", rows[i].label, s.why);
	}
}
END_TEST

START_TEST(test_a_proxy_that_is_gone)
{
	_cleanup_stage_ struct stage s;

	stage_make(&s, DEADLINE_NEVER);
	macro_close(&s.proxy);
	finish(&s);
	ck_assert_int_eq(s.error, -EPIPE);
	ck_assert_ptr_nonnull(strstr(s.why, "connection to the proxy failed"));
}
END_TEST

START_TEST(test_waits_no_longer_than_allowed)
{
	_cleanup_stage_ struct stage s;
	uint64_t start = deadline_now();

	stage_make(&s, start + 50 * USEC_PER_MSEC);
	finish(&s);
	ck_assert_int_eq(s.error, -ETIMEDOUT);
	ck_assert_uint_ge(deadline_now() - start, 50 * USEC_PER_MSEC);
}
END_TEST

START_TEST(test_says_what_cannot_be_sent)
{
	const struct socks5_request q = {
	    .method = SOCKS5_JWT, .jwt = "", .host = "a", .port = 25};
	_cleanup_stage_ struct stage s;
	_cleanup_free_ char *why = NULL;
	struct tunnel *t = NULL;

	stage_make(&s, DEADLINE_NEVER);
	ck_assert_int_eq(
	    tunnel_start(s.event, s.ours, &q, DEADLINE_NEVER, on_done, &s, &t, &why),
	    -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "token"));
	ck_assert_ptr_null(t);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_leaves_what_follows,
	    test_hears_single_bytes,
	    test_hears_answers_that_come_too_early,
	    test_tells_failures,
	    test_a_proxy_that_is_gone,
	    test_waits_no_longer_than_allowed,
	    test_says_what_cannot_be_sent,
	};

	return check_program("tunnel", tests, ELEMENTSOF(tests));
}
