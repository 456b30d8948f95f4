/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors that are parsed when a server's certificate has to be judged, and not before. */

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "tls-duet.h"

/* A client that has read `store` and not looked at it, and a server. */
static void begin(struct tls_duet *d, const char *store)
{
	const struct tls_trust trust = {.trust_store = (char *)store};
	const struct settings settings = {0};
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;

	*d = (struct tls_duet){0};
	tls_peer_begin(&d->peer);
	config_tree_puts(&d->peer.tree, "certificates/garbage.pem", "garbage\n");
	d->server = tls_duet_server(&d->peer, TLS1_3_VERSION);
	ck_assert_int_eq(config_open(&config, d->peer.tree.path, &why), 0);
	ck_assert_int_eq(tls_context_prepare(&config, &settings, &trust, "mail.example",
			     &d->context, &why),
	    0);
	ck_assert_uint_eq(d->context->n_unread, 1);
}

START_TEST(test_a_certificate_is_judged)
{
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
	_cleanup_tls_duet_ struct tls_duet d;

	begin(&d, "ca.pem");
	ck_assert_msg(tls_duet_connect(&d, NULL, &c) == 0, "%s", c.why);
	ck_assert(tls_is_verified(c.tls));
	ck_assert_uint_eq(d.context->n_unread, 0);
}
END_TEST

START_TEST(test_a_file_without_certificates_believes_nobody)
{
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
	_cleanup_tls_duet_ struct tls_duet d;
	_cleanup_free_ char *why = NULL;

	begin(&d, "garbage.pem");
	ck_assert_int_eq(tls_duet_connect(&d, NULL, &c), -EKEYREJECTED);
	ck_assert_int_eq(tls_context_load(d.context, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "garbage.pem"));
}
END_TEST

START_TEST(test_another_authority_is_not_believed)
{
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
	_cleanup_tls_duet_ struct tls_duet d;
	X509 *other;

	begin(&d, "ca.pem");
	other = certificate_of_ca("DNS:mail.example", d.peer.key, d.peer.outsider);
	ck_assert_int_eq(SSL_CTX_use_certificate(d.server, other), 1);
	X509_free(other);
	ck_assert_int_eq(tls_duet_connect(&d, NULL, &c), -EKEYREJECTED);
}
END_TEST

START_TEST(test_a_resumed_session_needs_none)
{
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;
	_cleanup_tls_session_ struct tls_session session = {0};
	_cleanup_tls_duet_ struct tls_duet d;
	SSL_CTX *server;

	begin(&d, "ca.pem");
	tls_duet_get_session(&d, &session);
	server = d.server; /* which knows the session */
	tls_context_free(d.context);
	tls_peer_done(&d.peer);
	begin(&d, "ca.pem");
	SSL_CTX_free(d.server);
	d.server = server;
	ck_assert_msg(tls_duet_connect(&d, &session.bytes, &c) == 0, "%s", c.why);
	ck_assert(c.offered && tls_is_resumed(c.tls));
	ck_assert_uint_eq(d.context->n_unread, 1);
	tls_context_forget(d.context);
	ck_assert_uint_eq(d.context->n_unread, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_a_certificate_is_judged,
	    test_a_file_without_certificates_believes_nobody,
	    test_another_authority_is_not_believed,
	    test_a_resumed_session_needs_none,
	};

	return check_program("tls-context-late", tests, ELEMENTSOF(tests));
}
