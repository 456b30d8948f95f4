/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL without its list of ciphers' names does whatever a session without a private key
 * asks of it. What it is compared with, and what needs the list, comes from processes of
 * their own: a process makes OpenSSL ready once.
 */

#include <string.h>
#include <sys/wait.h>

#include "check-program.h"
#include "tls-duet.h"

#define PASSWORD "hunter2"

/* What a process says that has the list. */
static void ask_another(void (*say)(struct secret *out), struct secret *ret)
{
	int fds[2], status;
	char bytes[4096];
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		ck_assert_int_eq(tls_init(), 0);
		say(ret);
		_exit(write(fds[1], ret->data, ret->len) != (ssize_t)ret->len);
	}
	close(fds[1]);
	while ((n = read(fds[0], bytes, sizeof(bytes))) > 0)
		ck_assert_int_eq(secret_append(ret, bytes, (size_t)n), 0);
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void say_ciphers(struct secret *out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	const STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);

	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
		ck_assert_int_eq(
		    secret_concat(out,
			SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)), "\n", NULL),
		    0);
	SSL_CTX_free(ctx);
}

START_TEST(test_offers_the_same)
{
	_cleanup_secret_ struct secret with = {0}, without = {0};

	ask_another(say_ciphers, &with);
	ck_assert_int_eq(tls_init_without_keys(), 0);
	say_ciphers(&without);
	ck_assert_ptr_nonnull(strstr(secret_str(&with), "ECDHE"));
	ck_assert_str_eq(secret_str(&without), secret_str(&with));
}
END_TEST

static void connect_with(
    struct tls_duet *d, const char *cipher, int (*choose)(SSL_CTX *, const char *))
{
	_cleanup_tls_duet_call_ struct tls_duet_call c = TLS_DUET_CALL_INIT;

	ck_assert_int_eq(choose(d->server, cipher), 1);
	ck_assert_msg(tls_duet_connect(d, NULL, &c) == 0, "%s: %s", cipher, c.why);
	ck_assert_str_eq(tls_cipher(c.tls), cipher);
}

/* Each cipher that the certificate's key is good for. */
static unsigned connect_with_each(
    int version, const char *kind, int (*choose)(SSL_CTX *, const char *))
{
	_cleanup_tls_duet_ struct tls_duet d;
	const STACK_OF(SSL_CIPHER) * ciphers;
	unsigned n = 0;

	tls_duet_begin(&d, version, NULL);
	ciphers = SSL_CTX_get_ciphers(d.context->ctx);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));

		if (strncmp(name, kind, strlen(kind)) != 0)
			continue;
		connect_with(&d, name, choose);
		n++;
	}
	return n;
}

START_TEST(test_each_cipher_connects)
{
	ck_assert_int_eq(tls_init_without_keys(), 0);
	ck_assert_uint_ge(
	    connect_with_each(TLS1_3_VERSION, "TLS_", SSL_CTX_set_ciphersuites), 2);
	ck_assert_uint_ge(
	    connect_with_each(TLS1_2_VERSION, "ECDHE-ECDSA-", SSL_CTX_set_cipher_list),
	    4);
}
END_TEST

static void say_trust_store(struct secret *out)
{
	EVP_PKEY *key = certificate_key();
	X509 *ca = certificate_of_ca(NULL, key, key);

	certificate_to_pkcs12(ca, PASSWORD, out);
	X509_free(ca);
	EVP_PKEY_free(key);
}

START_TEST(test_opens_a_trust_store)
{
	static const struct tls_trust trust = {
	    .trust_store = (char *)"ca.p12", .trust_store_password = (char *)PASSWORD};
	_cleanup_tls_peer_ struct tls_peer p = {0};
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_secret_ struct secret store = {0};

	ask_another(say_trust_store, &store);
	ck_assert_int_eq(tls_init_without_keys(), 0);
	config_tree_make(&p.tree);
	config_tree_write(&p.tree, "certificates/ca.p12", secret_str(&store), store.len);
	c = tls_peer_context(&p, &trust, "mail.example");
	ck_assert_ptr_nonnull(c);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_each_cipher_connects,
	    test_offers_the_same,
	    test_opens_a_trust_store,
	};

	return check_program("tls-init", tests, ELEMENTSOF(tests));
}
