/* SPDX-License-Identifier: Apache-2.0 */
/* TLS sessions from one connection to the next: which are handed out, for how long, and
 * that they resume. What becomes of damaged ones is check-tls-resume-bytes's. */

#include "tls.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "tls-duet.h"

#define DAY_SEC UINT64_C(86400)
/* The clock goes on while a test runs. */
#define SLACK_SEC 60

/* Servers that resume, each in its own way. */
static const struct server {
	const char *label;
	int version;
	uint64_t options;
	bool single_use, renews;
} servers[] = {
    {"1.2 with tickets", TLS1_2_VERSION, 0, false, false},
    {"1.2 with ids", TLS1_2_VERSION, SSL_OP_NO_TICKET, false, false},
    {"1.3 with tickets", TLS1_3_VERSION, 0, true, true},
    {"1.3 with ids", TLS1_3_VERSION, SSL_OP_NO_TICKET, true, true},
};

static void begin(struct tls_duet *d, const struct server *s)
{
	tls_duet_begin(d, s->version, NULL);
	SSL_CTX_set_options(d->server, s->options);
}

/* Offers a session and says whether both sides took it up. */
static bool resumes(struct tls_duet *d, const struct secret *session)
{
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;

	ck_assert_int_eq(tls_duet_connect(d, session, &c), 0);
	ck_assert(c.offered);
	ck_assert(tls_is_established(c.tls) && tls_is_verified(c.tls));
	ck_assert_int_eq(tls_is_resumed(c.tls), SSL_session_reused(c.server));
	return tls_is_resumed(c.tls);
}

START_TEST(test_resumes_what_was_taken)
{
	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_session_ struct tls_session s = {0};

		begin(&d, &servers[i]);
		tls_duet_get_session(&d, &s);
		ck_assert_msg(s.single_use == servers[i].single_use,
		    "%s: used once or not, the wrong one", servers[i].label);
		ck_assert_uint_gt(s.lifetime_sec, 0);
		for (unsigned k = 0; k < (s.single_use ? 1 : 3); k++)
			ck_assert_msg(resumes(&d, &s.bytes),
			    "%s: does not resume, time %u", servers[i].label, k);
	}
}
END_TEST

START_TEST(test_full_handshakes_resume_nothing)
{
	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		_cleanup_tls_duet_ struct tls_duet d;

		begin(&d, &servers[i]);
		for (unsigned k = 0; k < 2; k++) {
			_cleanup_tls_duet_call_ struct tls_duet_call c =
			    TLS_DUET_CALL_INIT;

			ck_assert_int_eq(tls_duet_connect(&d, NULL, &c), 0);
			ck_assert(!tls_is_resumed(c.tls));
		}
	}
}
END_TEST

/* What a resumed connection hands out may be resumed, but no later than what it began
 * with. */
static void check_chain(const struct server *server)
{
	_cleanup_tls_duet_ struct tls_duet d;
	_cleanup_tls_session_ struct tls_session s = {0};

	begin(&d, server);
	tls_duet_get_session(&d, &s);
	tls_duet_set_moment(&s.bytes, (uint64_t)time(NULL) + 1000);
	for (unsigned k = 0; k < 6; k++) {
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
		uint64_t was = tls_duet_moment(&s.bytes);

		ck_assert_int_eq(tls_duet_connect(&d, &s.bytes, &c), 0);
		ck_assert_msg(tls_is_resumed(c.tls), "%s: not the %uth, %s",
		    server->label, k, c.why);
		tls_session_done(&s);
		ck_assert_int_eq(tls_take_session(c.tls, &s), 1);
		ck_assert_uint_le(tls_duet_moment(&s.bytes), was);
		ck_assert_uint_le(s.lifetime_sec, 1000);
		ck_assert(s.single_use == server->single_use);
	}
}

static void check_end_of_chain(const struct server *server)
{
	_cleanup_tls_duet_ struct tls_duet d;
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
	_cleanup_tls_session_ struct tls_session s = {0}, none = {0};

	begin(&d, server);
	tls_duet_get_session(&d, &s);
	ck_assert_int_eq(tls_duet_connect(&d, &s.bytes, &c), 0);
	ck_assert(tls_is_resumed(c.tls));
	c.tls->believed_until = (uint64_t)time(NULL); /* the moment has come */
	ck_assert_int_eq(tls_take_session(c.tls, &none), 0);
	ck_assert_uint_eq(none.bytes.len, 0);
}

START_TEST(test_a_chain_of_resumptions_has_an_end)
{
	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		if (servers[i].renews)
			check_chain(&servers[i]);
		check_end_of_chain(&servers[i]);
	}
}
END_TEST

/* Whose session was not taken up is looked at anew, and what it hands out is as good as
 * that of any full handshake. */
START_TEST(test_a_server_that_ignores_sessions)
{
	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
		_cleanup_tls_session_ struct tls_session s = {0}, next = {0};

		begin(&d, &servers[i]);
		tls_duet_get_session(&d, &s);
		tls_duet_set_moment(&s.bytes, (uint64_t)time(NULL) + 10);
		tls_duet_restart(&d, servers[i].version);
		ck_assert_int_eq(tls_duet_connect(&d, &s.bytes, &c), 0);
		ck_assert(c.offered && !tls_is_resumed(c.tls) && tls_is_verified(c.tls));
		ck_assert_int_eq(tls_take_session(c.tls, &next), 1);
		ck_assert_uint_gt(next.lifetime_sec, 10);
		ck_assert(resumes(&d, &next.bytes));
	}
}
END_TEST

START_TEST(test_a_session_is_no_passport_for_an_impostor)
{
	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		const struct certificate_contents foreign = {"leaf", "Other",
		    "DNS:mail.example", -CERTIFICATE_DAY, CERTIFICATE_DAY};
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
		_cleanup_tls_session_ struct tls_session s = {0}, none = {0};

		begin(&d, &servers[i]);
		tls_duet_get_session(&d, &s);
		tls_peer_certify(&d.peer, &foreign, d.peer.outsider);
		tls_duet_restart(&d, servers[i].version);
		ck_assert_int_eq(tls_duet_connect(&d, &s.bytes, &c), -EKEYREJECTED);
		ck_assert(c.offered && !tls_is_established(c.tls));
		ck_assert_int_eq(tls_take_session(c.tls, &none), 0);
	}
}
END_TEST

/* Another version than that of the session. */
START_TEST(test_a_server_that_has_changed_its_version)
{
	for (unsigned newer = 0; newer < 2; newer++) {
		int before = newer ? TLS1_2_VERSION : TLS1_3_VERSION;
		int after = newer ? TLS1_3_VERSION : TLS1_2_VERSION;
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_session_ struct tls_session s = {0};

		tls_duet_begin(&d, before, NULL);
		tls_duet_get_session(&d, &s);
		tls_duet_restart(&d, after);
		ck_assert(!resumes(&d, &s.bytes));
	}
}
END_TEST

static bool holds(const struct secret *bytes, const void *what, size_t n)
{
	return memmem(bytes->data, bytes->len, what, n) != NULL;
}

START_TEST(test_the_certificate_is_left_out)
{
	static const char subject[] = "subject-of-the-certificate";

	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		const struct certificate_contents contents = {
		    subject, "CA", "DNS:mail.example", -CERTIFICATE_DAY, CERTIFICATE_DAY};
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
		_cleanup_tls_session_ struct tls_session s = {0};
		unsigned char whole[8192], *p = whole;
		int n;

		tls_peer_begin(&d.peer);
		tls_peer_certify(&d.peer, &contents, d.peer.key);
		d.server = tls_duet_server(&d.peer, servers[i].version);
		d.context = tls_peer_context(&d.peer, NULL, "mail.example");
		SSL_CTX_set_options(d.server, servers[i].options);
		ck_assert_int_eq(tls_duet_connect(&d, NULL, &c), 0);
		n = i2d_SSL_SESSION(SSL_get_session(c.tls->ssl), NULL);
		ck_assert(n > 0 && n < (int)sizeof(whole));
		(void)i2d_SSL_SESSION(SSL_get_session(c.tls->ssl), &p);
		ck_assert_ptr_nonnull(memmem(whole, (size_t)n, subject, strlen(subject)));
		ck_assert_int_eq(tls_take_session(c.tls, &s), 1);
		ck_assert(!holds(&s.bytes, subject, strlen(subject)));
		ck_assert_uint_lt(s.bytes.len, (size_t)n);
		ck_assert(resumes(&d, &s.bytes));
	}
}
END_TEST

START_TEST(test_the_newest_come_first_and_the_oldest_are_dropped)
{
	static const unsigned handed_out[] = {
	    1, 2, TLS_SESSIONS_MAX, TLS_SESSIONS_MAX + 1, 3 * TLS_SESSIONS_MAX};

	for (size_t i = 0; i < ELEMENTSOF(handed_out); i++) {
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
		struct tls_session s[TLS_SESSIONS_MAX + 1] = {0};
		unsigned n = 0;

		tls_duet_begin(&d, TLS1_3_VERSION, NULL);
		SSL_CTX_set_num_tickets(d.server, handed_out[i]);
		ck_assert_int_eq(tls_duet_connect(&d, NULL, &c), 0);
		while (n < ELEMENTSOF(s) && tls_take_session(c.tls, &s[n]) == 1)
			n++;
		ck_assert_uint_eq(n, MIN_OF(handed_out[i], (unsigned)TLS_SESSIONS_MAX));
		for (unsigned k = 0; k < n; k++) {
			const unsigned char *ticket;
			size_t len;

			for (unsigned other = 0; other < k; other++)
				ck_assert(s[k].bytes.len != s[other].bytes.len ||
					  memcmp(s[k].bytes.data, s[other].bytes.data,
					      s[k].bytes.len) != 0);
			SSL_SESSION_get0_ticket(
			    SSL_get_session(c.tls->ssl), &ticket, &len);
			ck_assert_msg(holds(&s[k].bytes, ticket, len) == (k == 0),
			    "of %u: the %uth is out of order", handed_out[i], k);
			ck_assert(resumes(&d, &s[k].bytes));
			tls_session_done(&s[k]);
		}
	}
}
END_TEST

START_TEST(test_servers_that_hand_out_nothing)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
		_cleanup_tls_session_ struct tls_session s = {0};

		tls_duet_begin(&d, versions[i], NULL);
		SSL_CTX_set_options(d.server, SSL_OP_NO_TICKET);
		SSL_CTX_set_session_cache_mode(d.server, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_num_tickets(d.server, 0);
		ck_assert_int_eq(tls_duet_connect(&d, NULL, &c), 0);
		ck_assert_int_eq(tls_take_session(c.tls, &s), 0);
		ck_assert_uint_eq(s.bytes.len, 0);
	}
}
END_TEST

START_TEST(test_nothing_is_there_before_the_handshake)
{
	_cleanup_tls_duet_ struct tls_duet d;
	_cleanup_tls_session_ struct tls_session s = {0};
	struct tls *tls;

	tls_duet_begin(&d, TLS1_3_VERSION, NULL);
	ck_assert_int_eq(tls_new(d.context, -1, "mail.example", &tls), 0);
	ck_assert_int_eq(tls_take_session(tls, &s), 0);
	ck_assert(!tls_is_resumed(tls));
	tls_free(tls);
}
END_TEST

/* A server of that kind, whose certificate and authority end so many seconds from now. */
static void begin_until(
    struct tls_duet *d, const struct server *server, long leaf_sec, long ca_sec)
{
	const struct certificate_contents leaf = {
	    "leaf", "CA", "DNS:mail.example", -CERTIFICATE_DAY, leaf_sec};
	const struct certificate_contents authority = {
	    "CA", "CA", NULL, -CERTIFICATE_DAY, ca_sec};
	_cleanup_secret_ struct secret pem = {0};
	X509 *ca;

	tls_peer_begin(&d->peer);
	tls_peer_certify(&d->peer, &leaf, d->peer.key);
	ca = certificate_make(&authority, d->peer.key, d->peer.key);
	certificate_to_pem(ca, &pem);
	X509_free(ca);
	config_tree_write(&d->peer.tree, "certificates/ca.pem", pem.data, pem.len);
	d->server = tls_duet_server(&d->peer, server->version);
	d->context = tls_peer_context(&d->peer, NULL, "mail.example");
	SSL_CTX_set_options(d->server, server->options);
}

/* What the server grants, what the certificates leave of it, and a day above all. */
START_TEST(test_lifetimes)
{
	static const struct {
		const char *label;
		size_t server;
		long granted_sec, leaf_sec, ca_sec;
		uint64_t most;
	} rows[] = {
	    {"a grant", 0, 1000, 30 * 86400, 30 * 86400, 1000},
	    {"a grant", 2, 1000, 30 * 86400, 30 * 86400, 1000},
	    {"a long grant", 0, 7 * 86400, 30 * 86400, 30 * 86400, DAY_SEC},
	    {"a long grant", 2, 7 * 86400, 30 * 86400, 30 * 86400, DAY_SEC},
	    {"a certificate about to end", 0, 7200, 600, 30 * 86400, 600},
	    {"a certificate about to end", 1, 7200, 120, 30 * 86400, 120},
	    {"a certificate about to end", 2, 7200, 600, 30 * 86400, 600},
	    {"a certificate about to end", 3, 7200, 600, 30 * 86400, 600},
	    {"an authority about to end", 0, 7200, 30 * 86400, 600, 600},
	    {"an authority about to end", 2, 7200, 30 * 86400, 600, 600},
	    {"both, the authority later", 2, 7200, 600, 900, 600},
	    {"a grant shorter than the certificate", 2, 300, 600, 30 * 86400, 300},
	    {"no grant", 1, 7200, 30 * 86400, 30 * 86400, 300},
	    {"a certificate that ends tomorrow", 2, 7 * 86400, 80000, 30 * 86400, 80000},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_session_ struct tls_session s = {0};
		uint64_t now = (uint64_t)time(NULL);
		uint64_t until =
		    now +
		    MIN_OF((uint64_t)MIN_OF(rows[i].leaf_sec, rows[i].ca_sec), DAY_SEC);

		begin_until(
		    &d, &servers[rows[i].server], rows[i].leaf_sec, rows[i].ca_sec);
		SSL_CTX_set_timeout(d.server, rows[i].granted_sec);
		tls_duet_get_session(&d, &s);
		ck_assert_msg(s.lifetime_sec <= rows[i].most &&
				  s.lifetime_sec + SLACK_SEC > rows[i].most,
		    "%s, %s: %ju seconds", rows[i].label, servers[rows[i].server].label,
		    (uintmax_t)s.lifetime_sec);
		ck_assert_uint_le(tls_duet_moment(&s.bytes), until + SLACK_SEC);
		ck_assert_uint_ge(tls_duet_moment(&s.bytes), now + s.lifetime_sec);
	}
}
END_TEST

/* Nobody looks at such a server's certificate, whatever it is. */
START_TEST(test_a_server_that_is_believed_unchecked)
{
	static const struct tls_trust trust = {.insecure_trust_all = true};

	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		const struct certificate_contents expired = {"x", "x",
		    "DNS:other.example", -2 * CERTIFICATE_DAY, -CERTIFICATE_DAY};
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
		_cleanup_tls_session_ struct tls_session s = {0};

		tls_peer_begin(&d.peer);
		tls_peer_certify(&d.peer, &expired, d.peer.outsider);
		d.server = tls_duet_server(&d.peer, servers[i].version);
		d.context = tls_peer_context(&d.peer, &trust, "mail.example");
		SSL_CTX_set_options(d.server, servers[i].options);
		tls_duet_get_session(&d, &s);
		ck_assert_uint_gt(s.lifetime_sec, 0);
		ck_assert_uint_le(
		    tls_duet_moment(&s.bytes), (uint64_t)time(NULL) + DAY_SEC);
		ck_assert_int_eq(tls_duet_connect(&d, &s.bytes, &c), 0);
		ck_assert(tls_is_resumed(c.tls) && !tls_is_verified(c.tls));
	}
}
END_TEST

/* Eight bytes of a session's key without a NUL, which a pattern cannot have. */
static void pick_key(const SSL_SESSION *session, char ret[9])
{
	unsigned char key[SSL_MAX_MASTER_KEY_LENGTH];
	size_t n = SSL_SESSION_get_master_key(session, key, sizeof(key)), at = 0;

	while (at + 8 <= n && memchr(key + at, '\0', 8))
		at++;
	ck_assert_uint_le(at + 8, n);
	memcpy(ret, key + at, 8);
	ret[8] = '\0';
}

START_TEST(test_keys_do_not_stay_in_freed_memory)
{
	for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
		_cleanup_tls_duet_ struct tls_duet d;
		_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT,
							     next = TLS_DUET_CALL_INIT;
		struct tls_session s = {0};
		char key[9];

		begin(&d, &servers[i]);
		ck_assert_int_eq(tls_duet_connect(&d, NULL, &c), 0);
		pick_key(SSL_get_session(c.tls->ssl), key);
		freed_memory_watch(key);
		ck_assert_int_eq(tls_take_session(c.tls, &s), 1);
		ck_assert(holds(&s.bytes, key, 8));
		ck_assert_int_eq(tls_duet_connect(&d, &s.bytes, &next), 0);
		tls_session_done(&s);
		tls_duet_call_done(&c);
		tls_duet_call_done(&next);
		ck_assert_uint_eq(freed_memory_hits(), 0);
		freed_memory_watch(NULL);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_resumes_what_was_taken,
	    test_full_handshakes_resume_nothing,
	    test_a_chain_of_resumptions_has_an_end,
	    test_a_server_that_ignores_sessions,
	    test_a_session_is_no_passport_for_an_impostor,
	    test_a_server_that_has_changed_its_version,
	    test_the_certificate_is_left_out,
	    test_the_newest_come_first_and_the_oldest_are_dropped,
	    test_servers_that_hand_out_nothing,
	    test_nothing_is_there_before_the_handshake,
	    test_lifetimes,
	    test_a_server_that_is_believed_unchecked,
	    test_keys_do_not_stay_in_freed_memory,
	};

	return check_program("tls-resume", tests, ELEMENTSOF(tests));
}
