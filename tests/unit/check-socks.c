/* SPDX-License-Identifier: Apache-2.0 */
/* A SOCKS5 dialogue on sockets: answers in pieces and in one, ends, silence, a client that goes. */

#include "socks.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "freed-memory.h"
#include "peer.h"
#include "repeated-text.h"
#include "scene.h"

#define SOON deadline_in(20 * USEC_PER_SEC)
#define BYTES(text) (text), sizeof(text) - 1

/* The Connectivity proxy's answers to all three of our messages. */
#define WELCOME "\5\x80"
#define LET_IN "\1\0"
#define CONNECTED "\5\0\0\1\12\0\0\1\x02\x4b"

static const struct socks5_request request = {
    .method = SOCKS5_JWT,
    .jwt = "ey.J.w",
    .location_id = "orlando",
    .host = "mail.virtual",
    .port = 587,
};

static const char said[] = "\5\1\x80"
			   "\1\0\0\0\6ey.J.w\14b3JsYW5kbw=="
			   "\5\1\0\3\14mail.virtual\2\x4b";

struct pair {
	int ours, theirs; /* theirs is the proxy's; -1 when closed */
};

static void pair_begin(struct pair *p, int type)
{
	int fds[2];

	scene_pair(type | SOCK_NONBLOCK, fds);
	p->ours = fds[0];
	p->theirs = fds[1];
}

static void pair_done(struct pair *p)
{
	close(p->ours);
	if (p->theirs >= 0)
		close(p->theirs);
}
#define _cleanup_pair_ _cleanup_(pair_done)

static void expect_said(const struct pair *p, size_t n)
{
	_cleanup_secret_ struct secret heard = {0};

	(void)scene_heard(p->theirs, &heard);
	ck_assert_uint_eq(heard.len, n);
	ck_assert_mem_eq(secret_str(&heard), said, n);
}

/* A packet is what one read gets at most. */
START_TEST(test_answers_byte_by_byte)
{
	static const char answers[] = WELCOME LET_IN CONNECTED;
	_cleanup_pair_ struct pair p;
	_cleanup_free_ char *why = NULL;

	pair_begin(&p, SOCK_SEQPACKET);
	scene_say(p.theirs, answers, sizeof(answers) - 1, 1);
	ck_assert_int_eq(socks_connect(p.ours, &request, -1, SOON, &why), 0);
	ck_assert_ptr_null(why);
	expect_said(&p, sizeof(said) - 1);
}
END_TEST

/* What follows the reply is the server's, whatever address was in front of it. */
START_TEST(test_not_a_byte_too_many_is_read)
{
	static const struct {
		const char *label, *bytes;
		size_t len;
	} rows[] = {
	    {"IPv4", BYTES(WELCOME LET_IN CONNECTED "220 hi\r\n")},
	    {"a name", BYTES(WELCOME LET_IN "\5\0\0\3\4host\0\31"
					    "220 hi\r\n")},
	    {"an empty name", BYTES(WELCOME LET_IN "\5\0\0\3\0\0\31"
						   "220 hi\r\n")},
	    {"IPv6", BYTES(WELCOME LET_IN "\5\0\0\4\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7\0\31"
					  "220 hi\r\n")},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_pair_ struct pair p;
		_cleanup_free_ char *why = NULL;
		_cleanup_secret_ struct secret rest = {0};
		int r;

		pair_begin(&p, SOCK_STREAM);
		scene_say(p.theirs, rows[i].bytes, rows[i].len, SCENE_PACKET_MAX);
		r = socks_connect(p.ours, &request, -1, SOON, &why);
		ck_assert_msg(r == 0, "%s: %d (%s)", rows[i].label, r, why);
		ck_assert_msg(strcmp(scene_heard(p.ours, &rest), "220 hi\r\n") == 0,
		    "%s: what is left is '%s'", rows[i].label, secret_str(&rest));
	}
}
END_TEST

START_TEST(test_what_a_proxy_may_do)
{
	static const struct {
		const char *label, *bytes;
		size_t len;
		int want;
		const char *why;
	} rows[] = {
	    {"nothing", BYTES(""), -ECONNRESET, "within its answer"},
	    {"half a welcome", BYTES("\5"), -ECONNRESET, "within its answer"},
	    {"no more than a welcome", BYTES(WELCOME), -ECONNRESET, "within its answer"},
	    {"half a reply", BYTES(WELCOME LET_IN "\5\0"), -ECONNRESET,
		"within its answer"},
	    {"half an address", BYTES(WELCOME LET_IN "\5\0\0\1\12\0"), -ECONNRESET,
		"within its answer"},
	    {"version 4", BYTES("\0\x5b"), -EREMOTEIO, NULL},
	    {"HTTP", BYTES("HTTP/1.1 400 No\r\n"), -EREMOTEIO, NULL},
	    {"a mail server", BYTES("220 mail.example.com\r\n"), -EREMOTEIO, NULL},
	    {"another version of the authentication", BYTES(WELCOME "\5\0"), -EKEYEXPIRED,
		NULL},
	    {"a reply of another version", BYTES(WELCOME LET_IN "\4\0\0\1"), -EREMOTEIO,
		NULL},
	    {"an unknown address", BYTES(WELCOME LET_IN "\5\0\0\7"), -EREMOTEIO, NULL},
	    {"no method", BYTES("\5\xff"), -EKEYEXPIRED, NULL},
	    {"the token refused", BYTES(WELCOME "\1\1"), -EKEYEXPIRED, NULL},
	    {"reply 01", BYTES(WELCOME LET_IN "\5\1\0\1\0\0\0\0\0\0"), -ECONNRESET, NULL},
	    {"reply 02", BYTES(WELCOME LET_IN "\5\2\0\1\0\0\0\0\0\0"), -EINVAL, NULL},
	    {"reply 03", BYTES(WELCOME LET_IN "\5\3\0\1\0\0\0\0\0\0"), -ENETUNREACH,
		NULL},
	    {"reply 04", BYTES(WELCOME LET_IN "\5\4\0\1\0\0\0\0\0\0"), -EHOSTUNREACH,
		NULL},
	    {"reply 05", BYTES(WELCOME LET_IN "\5\5\0\1\0\0\0\0\0\0"), -EKEYEXPIRED,
		NULL},
	    {"reply 05 alone", BYTES(WELCOME LET_IN "\5\5\0\1"), -EKEYEXPIRED, NULL},
	    {"reply 07", BYTES(WELCOME LET_IN "\5\7\0\1\0\0\0\0\0\0"), -EINVAL, NULL},
	    {"reply 08", BYTES(WELCOME LET_IN "\5\10\0\1\0\0\0\0\0\0"), -EINVAL, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_pair_ struct pair p;
		_cleanup_free_ char *why = NULL;
		int r;

		pair_begin(&p, SOCK_STREAM);
		scene_say(p.theirs, rows[i].bytes, rows[i].len, SCENE_PACKET_MAX);
		ck_assert_int_eq(shutdown(p.theirs, SHUT_WR), 0);
		r = socks_connect(p.ours, &request, -1, SOON, &why);
		ck_assert_msg(r == rows[i].want, "%s: %d (%s)", rows[i].label, r, why);
		ck_assert_msg(why && (!rows[i].why || strstr(why, rows[i].why)),
		    "%s: the reason is '%s'", rows[i].label, why);
		ck_assert_msg(!strstr(why, "ey.J.w"), "%s: the reason tells the token",
		    rows[i].label);
	}
}
END_TEST

START_TEST(test_a_proxy_that_says_nothing)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {{BYTES("")}, {BYTES("\5")}, {BYTES(WELCOME)},
	    {BYTES(WELCOME LET_IN "\5\0\0")}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_pair_ struct pair p;
		_cleanup_free_ char *why = NULL;

		pair_begin(&p, SOCK_STREAM);
		scene_say(p.theirs, rows[i].bytes, rows[i].len, SCENE_PACKET_MAX);
		ck_assert_int_eq(
		    socks_connect(p.ours, &request, -1, deadline_in(5000), &why),
		    -ETIMEDOUT);
		ck_assert_ptr_nonnull(strstr(why, "in time"));
	}
}
END_TEST

START_TEST(test_a_proxy_that_is_gone)
{
	_cleanup_pair_ struct pair p;
	_cleanup_free_ char *why = NULL;

	pair_begin(&p, SOCK_STREAM);
	close(p.theirs);
	p.theirs = -1;
	ck_assert_int_eq(socks_connect(p.ours, &request, -1, SOON, &why), -ECONNRESET);
	ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(test_a_client_that_goes_ends_the_wait)
{
	_cleanup_pair_ struct pair p;
	_cleanup_free_ char *why = NULL;
	int client[2];

	pair_begin(&p, SOCK_STREAM);
	peer_tcp_pair(client);
	peer_reset(client[1]);
	ck_assert_int_eq(
	    socks_connect(p.ours, &request, client[0], SOON, &why), -ECONNABORTED);
	close(client[0]);
}
END_TEST

/* Its words are still to be relayed. */
START_TEST(test_a_client_that_only_ends_does_not)
{
	_cleanup_pair_ struct pair p;
	_cleanup_free_ char *why = NULL;
	int client[2];

	pair_begin(&p, SOCK_STREAM);
	peer_tcp_pair(client);
	close(client[1]);
	ck_assert_int_eq(
	    socks_connect(p.ours, &request, client[0], deadline_in(5000), &why),
	    -ETIMEDOUT);
	close(client[0]);
}
END_TEST

START_TEST(test_what_cannot_be_asked_is_not_begun)
{
	struct socks5_request q = request;
	_cleanup_secret_ struct secret host = {0};
	_cleanup_pair_ struct pair p;
	_cleanup_free_ char *why = NULL;

	repeated_text(&host, "h", 256);
	q.host = secret_str(&host);
	pair_begin(&p, SOCK_STREAM);
	ck_assert_int_eq(socks_connect(p.ours, &q, -1, SOON, &why), -EINVAL);
	ck_assert_ptr_nonnull(why);
	expect_said(&p, 0);
}
END_TEST

#define LONG_TOKEN ((size_t)4 * 1024 * 1024)

/* Reads all of a long token before it goes on. */
static int be_patient(int fd, _unused_ void *data)
{
	static char message[3 + 5 + LONG_TOKEN + 1];
	size_t n = 0;

	if (read(fd, message, 3) != 3 || write(fd, WELCOME, 2) != 2)
		return 1;
	while (n < 5 + LONG_TOKEN + 1) {
		ssize_t now = read(fd, message, 5 + LONG_TOKEN + 1 - n);

		if (now <= 0)
			return 2;
		n += (size_t)now;
	}
	if (write(fd, LET_IN, 2) != 2 || read(fd, message, sizeof(message)) != 19)
		return 3;
	return write(fd, CONNECTED, 10) == 10 ? 0 : 4;
}

START_TEST(test_a_token_longer_than_a_socket_takes_at_once)
{
	struct socks5_request q = request;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2], r;
	pid_t pid;

	repeated_text(&token, "t", LONG_TOKEN);
	q.jwt = secret_str(&token);
	q.location_id = NULL;
	peer_unix_pair(fds);
	pid = peer_start(be_patient, fds[1], -1, NULL);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	r = socks_connect(fds[0], &q, -1, SOON, &why);
	ck_assert_msg(r == 0, "%d (%s)", r, why);
	ck_assert_int_eq(peer_verdict(pid), 0);
	close(fds[0]);
}
END_TEST

START_TEST(test_tokens_do_not_stay_in_freed_memory)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {{BYTES(WELCOME LET_IN CONNECTED)}, {BYTES(WELCOME "\1\1")},
	    {BYTES(WELCOME)}, {BYTES("")}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_pair_ struct pair p;
		_cleanup_free_ char *why = NULL;

		pair_begin(&p, SOCK_STREAM);
		scene_say(p.theirs, rows[i].bytes, rows[i].len, SCENE_PACKET_MAX);
		freed_memory_watch("ey.J.w");
		ck_assert_int_le(
		    socks_connect(p.ours, &request, -1, deadline_in(5000), &why), 0);
		ck_assert_uint_eq(freed_memory_hits(), 0);
		freed_memory_watch(NULL);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_answers_byte_by_byte,
	    test_not_a_byte_too_many_is_read,
	    test_what_a_proxy_may_do,
	    test_a_proxy_that_says_nothing,
	    test_a_proxy_that_is_gone,
	    test_a_client_that_goes_ends_the_wait,
	    test_a_client_that_only_ends_does_not,
	    test_what_cannot_be_asked_is_not_begun,
	    test_a_token_longer_than_a_socket_takes_at_once,
	    test_tokens_do_not_stay_in_freed_memory,
	};

	return check_program("socks", tests, ELEMENTSOF(tests));
}
