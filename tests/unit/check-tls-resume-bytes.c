/* SPDX-License-Identifier: Apache-2.0 */
/* TLS sessions that are none, too old, or damaged in each of their bytes: what is offered
 * of them, and that no server is believed for it. */

#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "check-program.h"
#include "repeated-text.h"
#include "tls-duet.h"

#define DAY_SEC 86400
#define MOMENT_SIZE 8
#define OFFERED_MAX (16 * 1024)

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* A pair of servers: one of the session, and one that must never be believed. */
struct pair {
	struct tls_duet d;
	SSL_CTX *right, *impostor; /* owned; one of them is the duet's */
	struct tls_session s;
};

static void begin(struct pair *p, int version)
{
	const struct certificate_contents foreign = {
	    "leaf", "Other", "DNS:mail.example", -CERTIFICATE_DAY, CERTIFICATE_DAY};

	*p = (struct pair){0};
	tls_duet_begin(&p->d, version, NULL);
	p->right = p->d.server;
	tls_duet_get_session(&p->d, &p->s);
	tls_peer_certify(&p->d.peer, &foreign, p->d.peer.outsider);
	p->impostor = tls_duet_server(&p->d.peer, version);
}

static void pair_done(struct pair *p)
{
	p->d.server = NULL;
	SSL_CTX_free(p->right);
	SSL_CTX_free(p->impostor);
	tls_session_done(&p->s);
	tls_duet_done(&p->d);
}
#define _cleanup_pair_ _cleanup_(pair_done)

/* What a connection with such a session may come to, at the right server and at the
 * other. Returns whether it was offered. */
static bool check_harmless(struct pair *p, const struct secret *bytes, const char *what)
{
	_cleanup_tls_duet_call_ struct tls_duet_call right = TLS_DUET_CALL_INIT,
						     wrong = TLS_DUET_CALL_INIT;
	int r;

	p->d.server = p->right;
	r = tls_duet_connect(&p->d, bytes, &right);
	if (r == 0)
		ck_assert_msg(tls_is_established(right.tls) && tls_is_verified(right.tls),
		    "%s: a connection that is none", what);
	else
		ck_assert_msg(r == -EPROTO || r == -EKEYREJECTED,
		    "%s: the handshake's result is %d (%s)", what, r, right.why);
	if (!right.offered) {
		ck_assert_msg(r == 0 && !tls_is_resumed(right.tls),
		    "%s: without it, the handshake's result is %d (%s)", what, r,
		    right.why);
		return false;
	}
	p->d.server = p->impostor;
	r = tls_duet_connect(&p->d, bytes, &wrong);
	ck_assert_msg(r < 0 && !tls_is_established(wrong.tls),
	    "%s: an impostor is believed for it", what);
	return true;
}

/* Whether bytes are offered at all. */
static bool is_offered(struct pair *p, const struct secret *bytes)
{
	struct tls *tls;
	bool offered;

	ck_assert_int_eq(tls_new(p->d.context, -1, "mail.example", &tls), 0);
	ck_assert(!tls_has_offered(tls));
	offered = tls_offer_session(tls, bytes);
	ck_assert(tls_has_offered(tls) == offered);
	tls_free(tls);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	return offered;
}

START_TEST(test_moments)
{
	const uint64_t now = (uint64_t)time(NULL);
	const struct {
		const char *label;
		uint64_t moment;
		bool want;
	} rows[] = {
	    {"never", 0, false},
	    {"the beginning of time", 1, false},
	    {"a day ago", now - DAY_SEC, false},
	    {"a second ago", now - 1, false},
	    {"now", now, false},
	    {"in a minute", now + 60, true},
	    {"in a day but a minute", now + DAY_SEC - 60, true},
	    /* nobody looks at a certificate in the future: a clock was set back */
	    {"in a day and an hour", now + DAY_SEC + 3600, false},
	    {"in a month", now + UINT64_C(30) * DAY_SEC, false},
	    {"at the end of a signed number", INT64_MAX, false},
	    {"beyond it", (uint64_t)INT64_MAX + 1, false},
	    {"at the end of time", UINT64_MAX, false},
	};

	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_pair_ struct pair p;

		begin(&p, versions[v]);
		for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
			tls_duet_set_moment(&p.s.bytes, rows[i].moment);
			ck_assert_msg(is_offered(&p, &p.s.bytes) == rows[i].want,
			    "believed until %s: %s", rows[i].label,
			    rows[i].want ? "is not offered" : "is offered");
		}
	}
}
END_TEST

/* 0 if it cannot be set; the older name ends in 2038 where time_t is short. */
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
static time_t set_begin_of_life(SSL_SESSION *session, time_t begin)
{
	return SSL_SESSION_set_time_ex(session, begin);
}
#else
static time_t set_begin_of_life(SSL_SESSION *session, time_t begin)
{
	return SSL_SESSION_set_time(session, begin);
}
#endif

/* The same session as if it had been handed out long ago, or for a short time. */
static void age(struct secret *bytes, long seconds)
{
	const unsigned char *in = (const unsigned char *)bytes->data + MOMENT_SIZE;
	SSL_SESSION *s = d2i_SSL_SESSION(NULL, &in, (long)(bytes->len - MOMENT_SIZE));
	unsigned char *der = NULL;
	int n;

	ck_assert_ptr_nonnull(s);
	ck_assert_int_ne(set_begin_of_life(s, time(NULL) - seconds), 0);
	n = i2d_SSL_SESSION(s, &der);
	ck_assert_int_gt(n, 0);
	bytes->len = MOMENT_SIZE;
	ck_assert_int_eq(secret_append(bytes, der, (size_t)n), 0);
	OPENSSL_free(der);
	SSL_SESSION_free(s);
}

START_TEST(test_sessions_whose_own_life_is_over)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_pair_ struct pair p;
		_cleanup_tls_duet_call_ struct tls_duet_call young = TLS_DUET_CALL_INIT,
							     old = TLS_DUET_CALL_INIT;

		begin(&p, versions[v]);
		age(&p.s.bytes, 100);
		ck_assert_int_eq(tls_duet_connect(&p.d, &p.s.bytes, &young), 0);
		ck_assert_msg(tls_is_resumed(young.tls), "%x: a young one is not resumed",
		    (unsigned)versions[v]);
		age(&p.s.bytes, 3 * 7200);
		SSL_CTX_set_timeout(p.right, 7 * DAY_SEC); /* the server's clock lags */
		ck_assert_int_eq(tls_duet_connect(&p.d, &p.s.bytes, &old), 0);
		ck_assert_msg(!tls_is_resumed(old.tls), "%x: an old one is resumed",
		    (unsigned)versions[v]);
	}
}
END_TEST

START_TEST(test_what_is_cut_off_is_not_offered)
{
	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_pair_ struct pair p;

		begin(&p, versions[v]);
		for (size_t n = 0; n < p.s.bytes.len; n++) {
			_cleanup_secret_ struct secret cut = {0};

			ck_assert_int_eq(secret_append(&cut, p.s.bytes.data, n), 0);
			ck_assert_msg(!is_offered(&p, &cut), "%zu bytes: are offered", n);
		}
		ck_assert(is_offered(&p, &p.s.bytes));
	}
}
END_TEST

START_TEST(test_what_was_never_written_is_not_offered)
{
	static const struct secret none = {0};
	_cleanup_pair_ struct pair p;

	begin(&p, TLS1_3_VERSION);
	ck_assert(!is_offered(&p, &none));
	ck_assert(!check_harmless(&p, &none, "nothing"));
}
END_TEST

/* Bytes without an order, the same in each run. */
static void scramble(struct secret *s, size_t from, uint32_t seed)
{
	for (size_t i = from; i < s->len; i++) {
		seed = seed * 1664525 + 1013904223;
		s->data[i] = (char)(seed >> 24);
	}
}

START_TEST(test_garbage_is_not_offered)
{
	static const char *const fillings[] = {"\0", "\xff", "0", "\x30\x80", "\x30\x82",
	    "\x02\x01", "\x04\x7f", "\xa3\x84"};
	_cleanup_pair_ struct pair p;

	begin(&p, TLS1_3_VERSION);
	for (size_t n = 1; n < 2000; n = n * 3 / 2 + 1) {
		for (size_t i = 0; i < ELEMENTSOF(fillings); i++) {
			size_t width = fillings[i][0] ? strlen(fillings[i]) : 1;
			_cleanup_secret_ struct secret s = {0};

			ck_assert_int_eq(secret_append(&s, p.s.bytes.data, 8), 0);
			for (size_t k = 0; k < n; k += width)
				ck_assert_int_eq(
				    secret_append(&s, fillings[i], width), 0);
			ck_assert_msg(
			    !is_offered(&p, &s), "%zu of %zu: is offered", n, i);
		}
		for (uint32_t seed = 0; seed < 100; seed++) {
			_cleanup_secret_ struct secret s = {0};

			repeated_text(&s, "x", 8 + n);
			memcpy(s.data, p.s.bytes.data, 8);
			scramble(&s, 8, seed);
			ck_assert_msg(
			    !is_offered(&p, &s), "%zu of seed %u: is offered", n, seed);
		}
	}
}
END_TEST

/* Garbage behind a session; too much is not even looked at. */
START_TEST(test_what_is_too_long_is_not_offered)
{
	static const size_t lengths[] = {1, 100, 8000, OFFERED_MAX, OFFERED_MAX + 1,
	    2 * OFFERED_MAX, 16 * OFFERED_MAX};

	for (size_t v = 0; v < ELEMENTSOF(versions); v++) {
		_cleanup_pair_ struct pair p;

		begin(&p, versions[v]);
		for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
			_cleanup_secret_ struct secret s = {0};

			ck_assert_int_eq(
			    secret_append(&s, p.s.bytes.data, p.s.bytes.len), 0);
			repeated_text(&s, "\xa3", lengths[i]);
			if (check_harmless(&p, &s, "more behind it"))
				ck_assert_uint_le(s.len, MOMENT_SIZE + OFFERED_MAX);
		}
	}
}
END_TEST

/* Each byte changed, in one bit or in all. A changed key makes the handshake fail, as the
 * server notices it; nothing makes it succeed that should not. */
static void flip_each_byte(struct pair *p, unsigned char mask, unsigned *offered)
{
	char what[64];

	for (size_t at = 0; at < p->s.bytes.len; at++) {
		char was = p->s.bytes.data[at];

		p->s.bytes.data[at] = (char)(was ^ (mask ? mask : 1 << at % 8));
		(void)snprintf(what, sizeof(what), "byte %zu of %zu changed by %#x", at,
		    p->s.bytes.len, mask);
		*offered += check_harmless(p, &p->s.bytes, what);
		p->s.bytes.data[at] = was;
	}
}

START_TEST(test_changed_bytes_of_tls_1_2)
{
	_cleanup_pair_ struct pair p;
	unsigned offered = 0;

	begin(&p, TLS1_2_VERSION);
	flip_each_byte(&p, 0, &offered);
	flip_each_byte(&p, 0xff, &offered);
	ck_assert_uint_gt(offered, p.s.bytes.len); /* or it would be no test */
}
END_TEST

START_TEST(test_changed_bytes_of_tls_1_3)
{
	_cleanup_pair_ struct pair p;
	unsigned offered = 0;

	begin(&p, TLS1_3_VERSION);
	flip_each_byte(&p, 0, &offered);
	flip_each_byte(&p, 0xff, &offered);
	ck_assert_uint_gt(offered, p.s.bytes.len);
}
END_TEST

/* A session of one version that says it is of another. */
START_TEST(test_parts_of_two_sessions)
{
	_cleanup_pair_ struct pair old, new;

	begin(&old, TLS1_2_VERSION);
	begin(&new, TLS1_3_VERSION);
	for (size_t at = 0; at < MIN_OF(old.s.bytes.len, new.s.bytes.len); at += 5) {
		_cleanup_secret_ struct secret s = {0};

		ck_assert_int_eq(secret_append(&s, old.s.bytes.data, at), 0);
		ck_assert_int_eq(
		    secret_append(&s, new.s.bytes.data + at, new.s.bytes.len - at), 0);
		(void)check_harmless(&old, &s, "a mixture");
		(void)check_harmless(&new, &s, "a mixture");
	}
	(void)check_harmless(&old, &new.s.bytes, "one of TLS 1.3");
	(void)check_harmless(&new, &old.s.bytes, "one of TLS 1.2");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_moments,
	    test_sessions_whose_own_life_is_over,
	    test_what_is_cut_off_is_not_offered,
	    test_what_was_never_written_is_not_offered,
	    test_garbage_is_not_offered,
	    test_what_is_too_long_is_not_offered,
	    test_changed_bytes_of_tls_1_2,
	    test_changed_bytes_of_tls_1_3,
	    test_parts_of_two_sessions,
	};

	return check_program("tls-resume-bytes", tests, ELEMENTSOF(tests));
}
