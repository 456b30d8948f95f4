/* SPDX-License-Identifier: Apache-2.0 */
/* Records that were changed on their way, behind others that were not: what is whole is
 * read, and what follows is a failure for good, never an end. */

#include "tls.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "relay.h"
#include "tls-duet.h"

#define HOST "mail.example"
#define HEADER_SIZE 5 /* type, version, length; RFC 8446 5.1 */
#define WIRE_MAX 1024
#define GOOD "250 whole\r\n"
#define BAD "250 changed\r\n"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* A change of one bit: so many bytes behind the record's start, or before its end. */
static const struct damage {
	const char *label;
	int at;
	unsigned char bit;
} damages[] = {
    {"type", 0, 0x01},
    {"version", 1, 0x80},
    {"length", 3, 0x80},
    {"first byte", HEADER_SIZE, 0x01},
    {"last byte", -1, 0x01},
};

static void change(unsigned char *record, size_t n, const struct damage *d)
{
	record[d->at >= 0 ? (size_t)d->at : n - (size_t)-d->at] ^= d->bit;
}

static size_t record_size(const unsigned char *record)
{
	return HEADER_SIZE + ((size_t)record[3] << 8 | record[4]);
}

/* A connection, of which what the server says is held back until send_records(). */
struct wire {
	struct tls_duet duet;
	struct tls_duet_call call;
	unsigned char bytes[WIRE_MAX];
	size_t n;
};

static void wire_done(struct wire *w)
{
	tls_duet_call_done(&w->call);
	tls_duet_done(&w->duet);
}
#define _cleanup_wire_ _cleanup_(wire_done)

static void begin(struct wire *w, int version)
{
	*w = (struct wire){.call = TLS_DUET_CALL_INIT};
	tls_duet_begin(&w->duet, version, NULL);
	ck_assert_int_eq(tls_duet_connect(&w->duet, NULL, &w->call), 0);
}

/* A record of the server's; where it stands on the wire goes to the result. */
static unsigned char *say(struct wire *w, const char *text)
{
	unsigned char *start = w->bytes + w->n;
	ssize_t n;

	ck_assert_int_eq(
	    SSL_write(w->call.server, text, (int)strlen(text)), (int)strlen(text));
	n = read(w->call.fds[0], start, WIRE_MAX - w->n);
	ck_assert_int_gt(n, HEADER_SIZE);
	ck_assert_uint_eq(record_size(start), (size_t)n);
	w->n += (size_t)n;
	return start;
}

static void send_records(struct wire *w)
{
	ck_assert_int_eq(write(w->call.fds[1], w->bytes, w->n), (ssize_t)w->n);
	w->n = 0;
}

static void check_reads(struct wire *w, const char *want, const char *label)
{
	char bytes[WIRE_MAX];
	ssize_t n = tls_read(w->call.tls, bytes, sizeof(bytes));

	ck_assert_msg(
	    n == (ssize_t)strlen(want) && memcmp(bytes, want, strlen(want)) == 0,
	    "%s: %zd instead of the %zu bytes that were whole", label, n, strlen(want));
}

/* However often it is asked. */
static void check_failed(struct wire *w, const char *label)
{
	char bytes[WIRE_MAX];

	for (unsigned i = 0; i < 3; i++) {
		ssize_t n = tls_read(w->call.tls, bytes, sizeof(bytes));

		ck_assert_msg(
		    n == -EPROTO, "%s: %zd instead of a failure, time %u", label, n, i);
	}
	ck_assert_msg(!tls_is_truncated(w->call.tls), "%s: counts as an end", label);
}

START_TEST(test_a_changed_record_behind_a_good_one)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++)
		for (size_t i = 0; i < ELEMENTSOF(damages); i++) {
			_cleanup_wire_ struct wire w;
			unsigned char *record;

			begin(&w, versions[v]);
			say(&w, GOOD);
			record = say(&w, BAD);
			change(record, record_size(record), &damages[i]);
			send_records(&w);
			check_reads(&w, GOOD, damages[i].label);
			check_failed(&w, damages[i].label);
		}
}
END_TEST

START_TEST(test_a_changed_record_alone)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++)
		for (size_t i = 0; i < ELEMENTSOF(damages); i++) {
			_cleanup_wire_ struct wire w;
			unsigned char *record;

			begin(&w, versions[v]);
			record = say(&w, BAD);
			change(record, record_size(record), &damages[i]);
			send_records(&w);
			check_failed(&w, damages[i].label);
		}
}
END_TEST

/* Nothing that comes behind it is believed, be it whole. */
START_TEST(test_good_records_behind_a_changed_one)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_wire_ struct wire w;
		unsigned char *record;

		begin(&w, versions[v]);
		say(&w, GOOD);
		record = say(&w, BAD);
		record[HEADER_SIZE] ^= 1;
		say(&w, BAD);
		send_records(&w);
		check_reads(&w, GOOD, "between two");
		check_failed(&w, "between two");
		say(&w, BAD);
		send_records(&w);
		check_failed(&w, "and one later");
	}
}
END_TEST

START_TEST(test_a_record_that_is_left_out)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_wire_ struct wire w;
		unsigned char *record;
		size_t n;

		begin(&w, versions[v]);
		say(&w, GOOD);
		record = say(&w, BAD);
		n = record_size(record);
		say(&w, BAD);
		memmove(record, record + n, w.n - (size_t)(record - w.bytes) - n);
		w.n -= n;
		send_records(&w);
		check_reads(&w, GOOD, "left out");
		check_failed(&w, "left out");
	}
}
END_TEST

/* A buffer that the good record fills, or overfills, hides nothing of what follows. */
START_TEST(test_in_small_pieces)
{
	static const size_t sizes[] = {1, 4, sizeof(GOOD) - 1, sizeof(GOOD)};

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		_cleanup_wire_ struct wire w;
		char bytes[sizeof(GOOD)];
		size_t got = 0;
		ssize_t n;

		begin(&w, TLS1_3_VERSION);
		say(&w, GOOD);
		say(&w, BAD)[HEADER_SIZE] ^= 1;
		send_records(&w);
		while ((n = tls_read(w.call.tls, bytes, sizes[i])) > 0)
			got += (size_t)n;
		ck_assert_uint_eq(got, strlen(GOOD));
		ck_assert_msg(n == -EPROTO, "%zu bytes at once: %zd", sizes[i], n);
		check_failed(&w, "in small pieces");
	}
}
END_TEST

/* The server takes offence at what it reads, and says so behind a good record. */
START_TEST(test_a_fatal_alert_behind_a_good_record)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_wire_ struct wire w;
		char byte;

		begin(&w, versions[v]);
		say(&w, GOOD);
		send_records(&w);
		ck_assert_int_eq(write(w.call.fds[0], "\x17\x03\x03\0\x05hello", 10), 10);
		ck_assert_int_le(SSL_read(w.call.server, &byte, 1), 0);
		check_reads(&w, GOOD, "alert");
		check_failed(&w, "alert");
	}
}
END_TEST

/* What is whole is not held back by what has come of the next one. */
START_TEST(test_half_a_record_behind_a_good_one)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_wire_ struct wire w;
		unsigned char *record, rest[WIRE_MAX];
		size_t half;
		char byte;

		begin(&w, versions[v]);
		say(&w, GOOD);
		record = say(&w, BAD);
		half = record_size(record) / 2;
		memcpy(rest, record + half, record_size(record) - half);
		w.n = (size_t)(record - w.bytes) + half;
		half = record_size(record) - half;
		send_records(&w);
		check_reads(&w, GOOD, "half a record");
		ck_assert_int_eq(tls_read(w.call.tls, &byte, 1), -EAGAIN);
		ck_assert_int_eq(write(w.call.fds[1], rest, half), (ssize_t)half);
		check_reads(&w, BAD, "its other half");
	}
}
END_TEST

/* Two records in one write(2), the second of them changed; then the client's turn to go. */
static int say_one_of_two(SSL *ssl, int fd)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *bytes, byte;
	long n;

	if (!memory)
		return 1;
	SSL_set0_wbio(ssl, memory);
	if (SSL_write(ssl, GOOD, sizeof(GOOD) - 1) <= 0 ||
	    SSL_write(ssl, BAD, sizeof(BAD) - 1) <= 0)
		return 2;
	n = BIO_get_mem_data(memory, &bytes);
	bytes[n - 1] ^= 1;
	if (write(fd, bytes, (size_t)n) != n)
		return 3;
	while (read(fd, &byte, 1) > 0)
		;
	return 0;
}

START_TEST(test_the_relay_calls_it_no_end)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_tls_peer_ struct tls_peer p;
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;
		struct stream upstream = STREAM_INIT, client = STREAM_INIT;
		struct relay relay = {
		    .client = &client,
		    .upstream = &upstream,
		    .idle_usec = 20 * USEC_PER_SEC,
		    .drain_usec = 20 * USEC_PER_SEC,
		    .write_timeout_usec = 20 * USEC_PER_SEC,
		};
		char heard[sizeof(GOOD)] = "";
		int fds[2], verdict;

		tls_peer_begin(&p);
		p.max_version = versions[v];
		p.play = say_one_of_two;
		ck_assert_int_eq(
		    tls_peer_handshake(&p, NULL, HOST, &upstream, &c, &why, &verdict), 0);
		peer_unix_pair(fds);
		ck_assert_int_eq(stream_init(&client, fds[0], fds[0]), 0);
		ck_assert_int_eq(relay_run(&relay), RELAY_UPSTREAM_RESET);
		ck_assert_int_eq(recv(fds[1], heard, sizeof(heard), MSG_DONTWAIT),
		    (ssize_t)strlen(GOOD));
		ck_assert_str_eq(heard, GOOD);
		stream_done(&client);
		stream_done(&upstream);
		close(fds[1]);
		ck_assert_int_eq(peer_verdict(verdict), 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_a_changed_record_behind_a_good_one,
	    test_a_changed_record_alone,
	    test_good_records_behind_a_changed_one,
	    test_a_record_that_is_left_out,
	    test_in_small_pieces,
	    test_a_fatal_alert_behind_a_good_record,
	    test_half_a_record_behind_a_good_one,
	    test_the_relay_calls_it_no_end,
	};

	return check_program("tls damage", tests, ELEMENTSOF(tests));
}
