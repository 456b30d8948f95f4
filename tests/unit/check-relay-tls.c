/* SPDX-License-Identifier: Apache-2.0 */
/* The relay to a server under TLS, where ends are messages of their own. */

#include "relay.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "check-program.h"
#include "deadline.h"
#include "tls-peer.h"

#define LONG (20 * USEC_PER_SEC)
#define SHORT (20 * USEC_PER_MSEC)
#define HOST "mail.example"

struct stage {
	struct tls_peer peer;
	struct tls_context *context;
	struct stream client, upstream;
	struct relay relay;
	int client_fd; /* the client's end; owned; -1 when closed */
	pid_t server;
};

static void begin(struct stage *s, int version, int (*play)(SSL *ssl, int fd))
{
	_cleanup_free_ char *why = NULL;
	int fds[2];

	tls_peer_begin(&s->peer);
	s->peer.max_version = version;
	s->peer.play = play;
	s->context = tls_peer_context(&s->peer, NULL, HOST);
	s->server = tls_peer_start(&s->peer, &s->upstream);
	ck_assert_int_eq(stream_start_tls(&s->upstream, s->context,
			     &(struct tls_hello){.host = HOST}, deadline_in(LONG), &why),
	    0);
	peer_unix_pair(fds);
	ck_assert_int_eq(stream_init(&s->client, fds[0], fds[0]), 0);
	s->client_fd = fds[1];
	s->relay = (struct relay){
	    .client = &s->client,
	    .upstream = &s->upstream,
	    .idle_usec = LONG,
	    .drain_usec = LONG,
	    .left_usec = LONG,
	    .settle_usec = 1000,
	    .write_timeout_usec = LONG,
	};
}

/* Closes everything and returns the server's verdict. */
static int finish(struct stage *s)
{
	stream_done(&s->client);
	stream_done(&s->upstream);
	s->context = tls_context_free(s->context);
	tls_peer_done(&s->peer);
	if (s->client_fd >= 0)
		close(s->client_fd);
	return peer_verdict(s->server);
}

static void say(struct stage *s, const char *text, bool ends)
{
	ck_assert_int_eq(write(s->client_fd, text, strlen(text)), (ssize_t)strlen(text));
	if (ends)
		ck_assert_int_eq(shutdown(s->client_fd, SHUT_WR), 0);
}

static void check_heard(struct stage *s, const char *want)
{
	char bytes[256];
	ssize_t n = recv(s->client_fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);

	bytes[n > 0 ? n : 0] = '\0';
	ck_assert_str_eq(bytes, want);
}

/* Whether the next thing to come is the other side's end. */
static bool has_ended(SSL *ssl)
{
	char byte;
	int r = SSL_read(ssl, &byte, 1);

	return r <= 0 && SSL_get_error(ssl, r) == SSL_ERROR_ZERO_RETURN;
}

static bool reads(SSL *ssl, const char *want)
{
	char bytes[64];
	size_t n = 0;
	int got;

	while (n < strlen(want) &&
	       (got = SSL_read(ssl, bytes + n, (int)(strlen(want) - n))) > 0)
		n += (size_t)got;
	return n == strlen(want) && memcmp(bytes, want, n) == 0;
}

/* Says its last word and its end, and expects ours in return. */
static int talk_and_end(SSL *ssl, int fd _unused_)
{
	if (!reads(ssl, "QUIT\r\n") || SSL_write(ssl, "221 bye\r\n", 9) != 9 ||
	    SSL_shutdown(ssl) < 0)
		return 1;
	return has_ended(ssl) ? 0 : 2;
}

START_TEST(test_the_servers_end_is_answered)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
		struct stage s;

		begin(&s, versions[i], talk_and_end);
		say(&s, "QUIT\r\n", false);
		ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
		check_heard(&s, "221 bye\r\n");
		ck_assert_uint_eq(s.relay.bytes_in, 6);
		ck_assert_uint_eq(s.relay.bytes_out, 9);
		ck_assert_int_eq(finish(&s), 0);
	}
}
END_TEST

/* Answers when it is told that the client has ended. */
static int answer_after_the_end(SSL *ssl, int fd _unused_)
{
	if (!reads(ssl, "mail") || !has_ended(ssl))
		return 1;
	return SSL_write(ssl, "250 OK\r\n", 8) == 8 && SSL_shutdown(ssl) >= 0 ? 0 : 2;
}

START_TEST(test_the_clients_end_passes_under_tls_1_3)
{
	struct stage s;

	begin(&s, TLS1_3_VERSION, answer_after_the_end);
	say(&s, "mail", true);
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	check_heard(&s, "250 OK\r\n");
	ck_assert_int_eq(finish(&s), 0);
}
END_TEST

/* Answers late, and is not told of an end that would keep it from answering. */
static int answer_before_the_end(SSL *ssl, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (!reads(ssl, "mail") || poll(&p, 1, 10) != 0)
		return 1;
	return SSL_write(ssl, "250 OK\r\n", 8) == 8 && SSL_shutdown(ssl) >= 0 ? 0 : 2;
}

START_TEST(test_the_clients_end_waits_for_the_servers)
{
	static const struct {
		int version;
		uint64_t settle_usec;
	} rows[] = {{TLS1_2_VERSION, 0}, {TLS1_3_VERSION, LONG}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct stage s;

		begin(&s, rows[i].version, answer_before_the_end);
		s.relay.settle_usec = rows[i].settle_usec;
		say(&s, "mail", true);
		ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
		check_heard(&s, "250 OK\r\n");
		ck_assert_int_eq(finish(&s), 0);
	}
}
END_TEST

/* Neither speaks nor ends before the connection does, whatever it is told. */
static int stay(SSL *ssl, int fd)
{
	char bytes[64];

	while (SSL_read(ssl, bytes, sizeof(bytes)) > 0)
		;
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	return 0;
}

START_TEST(test_a_server_that_does_not_follow)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
		struct stage s;
		uint64_t before = deadline_now();

		begin(&s, versions[i], stay);
		s.relay.drain_usec = SHORT;
		say(&s, "mail", true);
		ck_assert_int_eq(relay_run(&s.relay), RELAY_CLIENT_LEFT);
		ck_assert_uint_ge(deadline_now() - before, SHORT);
		ck_assert_uint_lt(deadline_now() - before, LONG / 2);
		ck_assert_int_eq(finish(&s), 0);
	}
}
END_TEST

/* Answers the one thing that it is told, and then stays. */
static int answer_and_stay(SSL *ssl, int fd)
{
	if (!reads(ssl, "word\r\n") || SSL_write(ssl, "250 OK\r\n", 8) != 8)
		return 1;
	return stay(ssl, fd);
}

static int see_off_and_stay(SSL *ssl, int fd)
{
	if (!reads(ssl, "QUIT\r\n") || SSL_write(ssl, "250 OK\r\n", 8) != 8)
		return 1;
	return stay(ssl, fd);
}

/* Some close their half without a goodbye and keep the other: nodemailer, after each mail. */
START_TEST(test_a_client_without_a_goodbye_is_not_kept_under_tls_1_2)
{
	static const struct {
		const char *says;
		int (*play)(SSL *ssl, int fd);
		uint64_t drain_usec, min_usec;
	} rows[] = {
	    {"word\r\n", answer_and_stay, LONG, 6 * SHORT},
	    {"QUIT\r\n", see_off_and_stay, 20 * SHORT, 20 * SHORT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct stage s;
		uint64_t before;

		begin(&s, TLS1_2_VERSION, rows[i].play);
		s.relay.drain_usec = rows[i].drain_usec;
		s.relay.left_usec = 6 * SHORT;
		say(&s, rows[i].says, true);
		before = deadline_now();
		ck_assert_int_eq(relay_run(&s.relay), RELAY_CLIENT_LEFT);
		ck_assert_uint_ge(deadline_now() - before, rows[i].min_usec);
		ck_assert_uint_lt(deadline_now() - before, LONG / 2);
		check_heard(&s, "250 OK\r\n");
		ck_assert_int_eq(finish(&s), 0);
	}
}
END_TEST

static uint64_t cpu_usec(void)
{
	struct rusage u;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &u), 0);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

START_TEST(test_stillness_costs_no_processor_time)
{
	static const struct {
		const char *label;
		int version;
		bool ends, leaves;
		enum relay_end want;
	} rows[] = {
	    {"both silent", TLS1_3_VERSION, false, false, RELAY_IDLE},
	    {"client ended, TLS 1.2", TLS1_2_VERSION, true, false, RELAY_CLIENT_LEFT},
	    {"client gone, TLS 1.2", TLS1_2_VERSION, true, true, RELAY_CLIENT_LEFT},
	    {"client gone, TLS 1.3", TLS1_3_VERSION, true, true, RELAY_CLIENT_LEFT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct stage s;
		uint64_t cpu;
		int r;

		begin(&s, rows[i].version, stay);
		s.relay.idle_usec = s.relay.drain_usec = 60 * USEC_PER_MSEC;
		say(&s, "x", rows[i].ends);
		if (rows[i].leaves)
			close(TAKE_FD(s.client_fd));
		cpu = cpu_usec();
		r = relay_run(&s.relay);
		cpu = cpu_usec() - cpu;
		ck_assert_msg(r == (int)rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_msg(cpu < 30 * USEC_PER_MSEC, "%s: costs %llu us",
		    rows[i].label, (unsigned long long)cpu);
		ck_assert_int_eq(finish(&s), 0);
	}
}
END_TEST

/* What was decrypted before the relay began is not what poll(2) would show. */
static int say_much_at_once(SSL *ssl, int fd _unused_)
{
	static char bytes[16000];

	memset(bytes, 'x', sizeof(bytes));
	return SSL_write(ssl, bytes, sizeof(bytes)) == sizeof(bytes) &&
		       SSL_shutdown(ssl) >= 0
		   ? 0
		   : 1;
}

START_TEST(test_what_is_decrypted_already_goes_first)
{
	struct stage s;
	char bytes[20000];
	ssize_t n;
	short events;

	begin(&s, TLS1_3_VERSION, say_much_at_once);
	while ((n = stream_read_some(&s.upstream, bytes, 5, &events)) == -EAGAIN)
		ck_assert_int_eq(fd_wait(s.upstream.in_fd, events, deadline_in(LONG)), 0);
	ck_assert_int_eq(n, 5);
	ck_assert_int_eq(secret_append(&s.upstream.input, bytes, 5), 0);
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	ck_assert_uint_eq(s.relay.bytes_out, 16000);
	ck_assert_int_eq(recv(s.client_fd, bytes, sizeof(bytes), MSG_DONTWAIT), 16000);
	ck_assert_int_eq(finish(&s), 0);
}
END_TEST

START_TEST(test_a_server_that_breaks_off)
{
	struct stage s;

	begin(&s, TLS1_3_VERSION, NULL);
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_ENDED);
	ck_assert(tls_is_truncated(s.upstream.tls));
	ck_assert_int_eq(finish(&s), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_the_servers_end_is_answered,
	    test_the_clients_end_passes_under_tls_1_3,
	    test_the_clients_end_waits_for_the_servers,
	    test_a_server_that_does_not_follow,
	    test_a_client_without_a_goodbye_is_not_kept_under_tls_1_2,
	    test_stillness_costs_no_processor_time,
	    test_what_is_decrypted_already_goes_first,
	    test_a_server_that_breaks_off,
	};

	return check_program("relay-tls", tests, ELEMENTSOF(tests));
}
