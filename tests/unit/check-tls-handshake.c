/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes with servers that are right, wrong in each way, or no servers of TLS at all. */

#include "tls.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "tls-peer.h"

#define SOON deadline_in(20 * USEC_PER_SEC)
#define HOST "mail.example"

START_TEST(test_handshakes)
{
	static const struct {
		const char *label, *subject, *issuer, *names;
		long from, until;
		bool outsider;
		const char *host;
		int want;
		const char *why;
	} rows[] = {
	    {"right", "x", "CA", "DNS:mail.example", -1, 1, false, HOST, 0, NULL},
	    {"in another case", "x", "CA", "DNS:MAIL.Example", -1, 1, false, HOST, 0,
		NULL},
	    {"one of several", "x", "CA", "DNS:a.example,DNS:mail.example", -1, 1, false,
		HOST, 0, NULL},
	    {"a wildcard", "x", "CA", "DNS:*.example", -1, 1, false, HOST, -EKEYREJECTED,
		"mismatch"},
	    {"a wildcard of a domain", "x", "CA", "DNS:*.example.com", -1, 1, false,
		"mail.example.com", 0, NULL},
	    {"a wildcard for two labels", "x", "CA", "DNS:*.example.com", -1, 1, false,
		"a.mail.example.com", -EKEYREJECTED, "mismatch"},
	    {"a wildcard in a label", "x", "CA", "DNS:m*l.example.com", -1, 1, false,
		"mail.example.com", -EKEYREJECTED, "mismatch"},
	    {"another name", "mail.example", "CA", "DNS:other.example", -1, 1, false,
		HOST, -EKEYREJECTED, "mismatch"},
	    {"a longer name", "x", "CA", "DNS:mail.example.com", -1, 1, false, HOST,
		-EKEYREJECTED, "mismatch"},
	    {"an address", "x", "CA", "IP:127.0.0.1", -1, 1, false, "127.0.0.1", 0, NULL},
	    {"an address of IPv6", "x", "CA", "IP:::1", -1, 1, false, "::1", 0, NULL},
	    {"another address", "x", "CA", "IP:127.0.0.2", -1, 1, false, "127.0.0.1",
		-EKEYREJECTED, "mismatch"},
	    {"an address as a name", "127.0.0.1", "CA", "DNS:127.0.0.1", -1, 1, false,
		"127.0.0.1", -EKEYREJECTED, "mismatch"},
	    {"expired", "x", "CA", "DNS:mail.example", -2, -1, false, HOST, -EKEYREJECTED,
		"expired"},
	    {"of tomorrow", "x", "CA", "DNS:mail.example", 1, 2, false, HOST,
		-EKEYREJECTED, "not yet valid"},
	    {"self-signed", "x", "x", "DNS:mail.example", -1, 1, false, HOST,
		-EKEYREJECTED, "self-signed"},
	    {"of an unknown authority", "x", "Other", "DNS:mail.example", -1, 1, true,
		HOST, -EKEYREJECTED, "local issuer certificate (that of 'CN=Other')"},
	    {"of an impostor", "x", "CA", "DNS:mail.example", -1, 1, true, HOST,
		-EKEYREJECTED, "signature failure"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct certificate_contents contents = {rows[i].subject,
		    rows[i].issuer, rows[i].names, rows[i].from * CERTIFICATE_DAY,
		    rows[i].until * CERTIFICATE_DAY};
		_cleanup_tls_peer_ struct tls_peer p;
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;
		struct stream s = STREAM_INIT;
		int r, verdict;

		tls_peer_begin(&p);
		tls_peer_certify(&p, &contents, rows[i].outsider ? p.outsider : p.key);
		r = tls_peer_handshake(&p, NULL, rows[i].host, &s, &c, &why, &verdict);
		ck_assert_msg(r == rows[i].want, "%s: %d (%s)", rows[i].label, r, why);
		ck_assert_msg(rows[i].why ? why && strstr(why, rows[i].why) &&
						strstr(why, "is not believed")
					  : !why,
		    "%s: the reason is '%s'", rows[i].label, why);
		if (r == 0)
			ck_assert(tls_is_verified(s.tls));
		stream_done(&s);
		if (r == 0)
			ck_assert_int_eq(peer_verdict(verdict), 0);
	}
}
END_TEST

START_TEST(test_what_weakens_the_check)
{
	static const struct {
		const char *label;
		struct tls_trust trust;
		const char *names;
		int want;
		bool verified;
	} rows[] = {
	    {"TrustAll", {.insecure_trust_all = true}, "DNS:other.example", 0, false},
	    {"ssl.trust", {.trusted_hosts = (char *)"mail.example"}, "DNS:other.example",
		0, false},
	    {"ssl.trust of another", {.trusted_hosts = (char *)"other.example"},
		"DNS:mail.example", -EKEYREJECTED, false},
	    {"no check of the name",
		{.trust_store = (char *)"ca.pem", .verification = HOST_VERIFY_NONE},
		"DNS:other.example", 0, false},
	    {"no check of the name, no authority", {.verification = HOST_VERIFY_NONE},
		"DNS:mail.example", -EKEYREJECTED, false},
	    {"a wildcard for more labels",
		{.trust_store = (char *)"ca.pem",
		    .verification = HOST_VERIFY_BROWSER_COMPATIBLE},
		"DNS:*.example", -EKEYREJECTED, false},
	    {"the right name all the same",
		{.trust_store = (char *)"ca.pem",
		    .verification = HOST_VERIFY_BROWSER_COMPATIBLE},
		"DNS:mail.example", 0, true},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct certificate_contents contents = {
		    "x", "CA", rows[i].names, -CERTIFICATE_DAY, CERTIFICATE_DAY};
		_cleanup_tls_peer_ struct tls_peer p;
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;
		struct stream s = STREAM_INIT;
		int r, verdict;

		tls_peer_begin(&p);
		tls_peer_certify(&p, &contents, p.key);
		r = tls_peer_handshake(&p, &rows[i].trust, HOST, &s, &c, &why, &verdict);
		ck_assert_msg(r == rows[i].want, "%s: %d (%s)", rows[i].label, r, why);
		if (r == 0)
			ck_assert_msg(tls_is_verified(s.tls) == rows[i].verified,
			    "%s: claims the wrong thing", rows[i].label);
		stream_done(&s);
		if (r == 0)
			ck_assert_int_eq(peer_verdict(verdict), 0);
	}
}
END_TEST

START_TEST(test_versions)
{
	static const struct {
		int version;
		int want;
		const char *name;
		bool half_closable;
	} rows[] = {
	    {TLS1_VERSION, -EPROTO, NULL, false},
	    {TLS1_1_VERSION, -EPROTO, NULL, false},
	    {TLS1_2_VERSION, 0, "TLSv1.2", false},
	    {TLS1_3_VERSION, 0, "TLSv1.3", true},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_tls_peer_ struct tls_peer p;
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;
		struct stream s = STREAM_INIT;
		int r, verdict;

		tls_peer_begin(&p);
		p.max_version = rows[i].version;
		r = tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict);
		ck_assert_msg(r == rows[i].want, "%zu: %d (%s)", i, r, why);
		if (r < 0) {
			ck_assert_ptr_nonnull(strstr(why, "handshake failed"));
			ck_assert_int_eq(verdict, TLS_PEER_NO_HANDSHAKE);
			continue;
		}
		ck_assert_str_eq(tls_version(s.tls), rows[i].name);
		ck_assert_uint_gt(strlen(tls_cipher(s.tls)), 0);
		ck_assert(tls_is_half_closable(s.tls) == rows[i].half_closable);
		stream_done(&s);
		ck_assert_int_eq(peer_verdict(verdict), 0);
	}
}
END_TEST

/* A peer that has said something else and gone, or said nothing. */
START_TEST(test_who_does_not_speak_tls)
{
	static const struct {
		const char *said;
		bool stays;
		int want;
		const char *why;
	} rows[] = {
	    {"220 mail.example ESMTP\r\n", true, -EPROTO, "does not speak TLS"},
	    {"* OK IMAP4rev1\r\n", true, -EPROTO, "does not speak TLS"},
	    {"", false, -ECONNRESET, "closed the connection"},
	    {"\x16\x03", false, -ECONNRESET, "closed the connection"},
	    {"", true, -ETIMEDOUT, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_tls_peer_ struct tls_peer p;
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;
		struct stream s = STREAM_INIT;
		int fds[2], r;

		tls_peer_begin(&p);
		c = tls_peer_context(&p, NULL, HOST);
		peer_unix_pair(fds);
		ck_assert_int_eq(stream_init(&s, fds[0], fds[0]), 0);
		ck_assert_int_eq(write(fds[1], rows[i].said, strlen(rows[i].said)),
		    (ssize_t)strlen(rows[i].said));
		if (!rows[i].stays)
			ck_assert_int_eq(shutdown(fds[1], SHUT_WR), 0);
		r = stream_start_tls(&s, c, &(struct tls_hello){.host = HOST},
		    rows[i].want == -ETIMEDOUT ? deadline_in(5000) : SOON, &why);
		ck_assert_msg(r == rows[i].want, "'%s': %d (%s)", rows[i].said, r, why);
		ck_assert_msg(!rows[i].why || strstr(why, rows[i].why), "'%s': '%s'",
		    rows[i].said, why);
		stream_done(&s);
		close(fds[1]);
	}
}
END_TEST

/* What names the client asks for (RFC 6066 3): in the verdict. */
static int check_sni_name(SSL *ssl, int fd _unused_)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	return name && strcmp(name, HOST) == 0 ? 0 : 1;
}

static int check_sni_none(SSL *ssl, int fd _unused_)
{
	return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? 1 : 0;
}

START_TEST(test_names_are_asked_for_and_addresses_are_not)
{
	static const struct {
		const char *host;
		int (*play)(SSL *ssl, int fd);
	} rows[] = {{HOST, check_sni_name}, {"127.0.0.1", check_sni_none},
	    {"::1", check_sni_none}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_tls_peer_ struct tls_peer p;
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;
		struct stream s = STREAM_INIT;
		int verdict;

		tls_peer_begin(&p);
		p.play = rows[i].play;
		ck_assert_int_eq(
		    tls_peer_handshake(&p, NULL, rows[i].host, &s, &c, &why, &verdict),
		    0);
		ck_assert_msg(
		    peer_verdict(verdict) == 0, "%s: asks otherwise", rows[i].host);
		stream_done(&s);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_handshakes,
	    test_what_weakens_the_check,
	    test_versions,
	    test_who_does_not_speak_tls,
	    test_names_are_asked_for_and_addresses_are_not,
	};

	return check_program("tls-handshake", tests, ELEMENTSOF(tests));
}
