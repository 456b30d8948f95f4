/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as a client, once hands are shaken: data, and ends of all kinds. */

#include "tls.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "tls-peer.h"

#define SOON deadline_in(20 * USEC_PER_SEC)
#define HOST "mail.example"

static int say_and_shut_down(SSL *ssl, int fd _unused_)
{
	return SSL_write(ssl, "bye\r\n", 5) == 5 && SSL_shutdown(ssl) >= 0 ? 0 : 1;
}

static int say_and_cut(SSL *ssl, int fd)
{
	bool ok = SSL_write(ssl, "bye\r\n", 5) == 5;

	close(fd);
	return ok ? 0 : 1;
}

START_TEST(test_an_end_is_told_from_a_cut)
{
	static const struct {
		int (*play)(SSL *ssl, int fd);
		bool truncated;
	} rows[] = {{say_and_shut_down, false}, {say_and_cut, true}};

	for (int version = 0; version < 2; version++)
		for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
			_cleanup_tls_peer_ struct tls_peer p;
			_cleanup_tls_context_ struct tls_context *c = NULL;
			_cleanup_free_ char *why = NULL;
			struct stream s = STREAM_INIT;
			struct line line;
			int verdict;

			tls_peer_begin(&p);
			p.play = rows[i].play;
			p.max_version = version ? TLS1_2_VERSION : TLS1_3_VERSION;
			ck_assert_int_eq(
			    tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict),
			    0);
			ck_assert_int_eq(stream_line(&s, 100, SOON, &line), 1);
			ck_assert_mem_eq(line.text, "bye", line.len);
			stream_drop_line(&s, &line);
			ck_assert_int_eq(stream_line(&s, 100, SOON, &line), 0);
			ck_assert(tls_is_truncated(s.tls) == rows[i].truncated);
			ck_assert_int_eq(peer_verdict(verdict), 0);
			stream_done(&s);
		}
}
END_TEST

/* Answers only after the client's close_notify, which TLS 1.3 allows. */
static int answer_after_the_end(SSL *ssl, int fd _unused_)
{
	char byte;

	if (SSL_read(ssl, &byte, 1) != 1 || SSL_read(ssl, &byte, 1) > 0 ||
	    SSL_get_error(ssl, 0) != SSL_ERROR_ZERO_RETURN)
		return 1;
	return SSL_write(ssl, "late\r\n", 6) == 6 && SSL_shutdown(ssl) >= 0 ? 0 : 2;
}

START_TEST(test_half_a_connection_can_be_closed)
{
	_cleanup_tls_peer_ struct tls_peer p;
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_free_ char *why = NULL;
	struct stream s = STREAM_INIT;
	struct line line;
	int verdict;

	tls_peer_begin(&p);
	p.play = answer_after_the_end;
	ck_assert_int_eq(tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict), 0);
	ck_assert_int_eq(stream_write(&s, "x", 1, SOON), 0);
	ck_assert_int_eq(tls_close(s.tls), 0);
	ck_assert_int_eq(stream_line(&s, 100, SOON, &line), 1);
	ck_assert_mem_eq(line.text, "late", line.len);
	ck_assert_int_eq(peer_verdict(verdict), 0);
	stream_done(&s);
}
END_TEST

#define MUCH ((size_t)300 * 1000)

/* Reads all and sends it back. */
static int echo(SSL *ssl, int fd _unused_)
{
	static char bytes[MUCH];
	size_t n = 0;
	int got;

	while (n < MUCH && (got = SSL_read(ssl, bytes + n, (int)(MUCH - n))) > 0)
		n += (size_t)got;
	return n == MUCH && SSL_write(ssl, bytes, (int)MUCH) == (int)MUCH ? 0 : 1;
}

START_TEST(test_much_passes_and_comes_back)
{
	_cleanup_tls_peer_ struct tls_peer p;
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret bytes = {0};
	struct stream s = STREAM_INIT;
	int verdict, r = 1;

	tls_peer_begin(&p);
	p.play = echo;
	for (size_t i = 0; i < MUCH && r >= 0; i++)
		r = secret_append(&bytes, &(char){(char)(i % 251)}, 1);
	ck_assert_int_eq(tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict), 0);
	ck_assert_int_eq(stream_write(&s, bytes.data, MUCH, SOON), 0);
	while (r >= 0 && s.input.len < MUCH)
		r = stream_fill(&s, SOON) > 0 ? 0 : -1;
	ck_assert_uint_eq(s.input.len, MUCH);
	ck_assert_mem_eq(s.input.data, bytes.data, MUCH);
	ck_assert_int_eq(peer_verdict(verdict), 0);
	stream_done(&s);
}
END_TEST

/* One record of many lines, then silence until the client goes. */
static int say_two_lines(SSL *ssl, int fd _unused_)
{
	char byte;

	if (SSL_write(ssl, "one\r\ntwo\r\n", 10) != 10)
		return 1;
	return SSL_read(ssl, &byte, 1) > 0;
}

START_TEST(test_what_is_decrypted_and_unread_is_known)
{
	_cleanup_tls_peer_ struct tls_peer p;
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_free_ char *why = NULL;
	struct stream s = STREAM_INIT;
	char three[3];
	short events;
	int verdict;
	ssize_t n;

	tls_peer_begin(&p);
	p.play = say_two_lines;
	ck_assert_int_eq(tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict), 0);
	while ((n = stream_read_some(&s, three, 3, &events)) == -EAGAIN)
		ck_assert_int_eq(fd_wait(s.in_fd, events, SOON), 0);
	ck_assert_int_eq(n, 3);
	ck_assert(stream_has_input(&s));
	ck_assert(tls_has_pending(s.tls));
	ck_assert_int_eq(stream_fill_now(&s), 7);
	ck_assert(!tls_has_pending(s.tls));
	ck_assert_int_eq(stream_read_some(&s, three, 3, &events), -EAGAIN);
	ck_assert_int_eq(events, POLLIN);
	stream_done(&s);
	(void)peer_verdict(verdict);
}
END_TEST

START_TEST(test_a_broken_record_is_no_end)
{
	_cleanup_tls_peer_ struct tls_peer p;
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_free_ char *why = NULL;
	struct stream s = STREAM_INIT;
	int verdict, garbler;

	tls_peer_begin(&p);
	p.play = say_two_lines;
	ck_assert_int_eq(tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict), 0);
	while (s.input.len < 10)
		ck_assert_int_gt(stream_fill(&s, SOON), 0);
	/* from here on the wire carries something else */
	{
		int fds[2];

		peer_unix_pair(fds);
		garbler = fds[1];
		ck_assert_int_eq(dup2(fds[0], s.in_fd), s.in_fd);
		close(fds[0]);
	}
	ck_assert_int_eq(write(garbler, "\x17\x03\x03\0\x05hello", 10), 10);
	ck_assert_int_eq(fcntl(s.in_fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(stream_fill(&s, SOON), -EPROTO);
	close(garbler);
	stream_done(&s);
	(void)peer_verdict(verdict);
}
END_TEST

START_TEST(test_writing_to_a_server_that_is_gone)
{
	_cleanup_tls_peer_ struct tls_peer p;
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_free_ char *why = NULL;
	struct stream s = STREAM_INIT;
	int verdict;

	tls_peer_begin(&p);
	p.play = say_and_cut;
	ck_assert_int_eq(tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict), 0);
	ck_assert_int_eq(peer_verdict(verdict), 0);
	ck_assert_int_lt(stream_write(&s, "x", 1, SOON), 0);
	ck_assert_int_lt(tls_close(s.tls), 0);
	stream_done(&s);
}
END_TEST

START_TEST(test_freeing_takes_nothing)
{
	ck_assert_ptr_null(tls_free(NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_an_end_is_told_from_a_cut,
	    test_half_a_connection_can_be_closed,
	    test_much_passes_and_comes_back,
	    test_what_is_decrypted_and_unread_is_known,
	    test_a_broken_record_is_no_end,
	    test_writing_to_a_server_that_is_gone,
	    test_freeing_takes_nothing,
	};

	return check_program("tls", tests, ELEMENTSOF(tests));
}
