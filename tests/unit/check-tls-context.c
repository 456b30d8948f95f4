/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a context believes: every way to name an authority, and every way to get one
 * wrong. What a handshake makes of it is check-tls's. */

#include "tls-context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "certificates.h"
#include "check-program.h"
#include "config-tree.h"
#include "tls-private.h"

#define PASSWORD "hunter2"

/* An authority, what it signed, and a configuration that may name it. */
struct authority {
	EVP_PKEY *key;
	X509 *ca, *leaf;
	struct config_tree tree;
	struct config config;
	struct secret pem, der, p12, p12_open;
};

/* The system's own anchors are an empty folder that looks hashed. */
static void hide_system(const struct config_tree *t)
{
	_cleanup_free_ char *path = config_tree_path(t, "certificates");

	config_tree_puts(t, "certificates/00000000.0", "");
	ck_assert_int_eq(setenv("SSL_CERT_DIR", path, 1), 0);
	ck_assert_int_eq(unsetenv("SSL_CERT_FILE"), 0);
}

static void begin(struct authority *a)
{
	_cleanup_free_ char *why = NULL;

	*a = (struct authority){.key = certificate_key(), .config = CONFIG_INIT};
	a->ca = certificate_of_ca(NULL, a->key, a->key);
	a->leaf = certificate_of_ca("DNS:mail.example", a->key, a->key);
	certificate_to_pem(a->ca, &a->pem);
	certificate_to_der(a->ca, &a->der);
	certificate_to_pkcs12(a->ca, PASSWORD, &a->p12);
	certificate_to_pkcs12(a->ca, "", &a->p12_open);
	config_tree_make(&a->tree);
	ck_assert_int_eq(config_open(&a->config, a->tree.path, &why), 0);
	hide_system(&a->tree);
}

static void authority_done(struct authority *a)
{
	X509_free(a->ca);
	X509_free(a->leaf);
	EVP_PKEY_free(a->key);
	secret_done(&a->pem);
	secret_done(&a->der);
	secret_done(&a->p12);
	secret_done(&a->p12_open);
	config_done(&a->config);
	config_tree_done(&a->tree);
}
#define _cleanup_authority_ _cleanup_(authority_done)

/* Whether a context believes what the authority signed. */
static bool believes(const struct tls_context *c, const struct authority *a)
{
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	bool ok;

	ck_assert_int_eq(
	    X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(c->ctx), a->leaf, NULL), 1);
	ok = X509_verify_cert(check) == 1;
	X509_STORE_CTX_free(check);
	return ok;
}

static void put(const struct authority *a, const char *name, const struct secret *text)
{
	_cleanup_free_ char *path = NULL;

	ck_assert_int_gt(asprintf(&path, "certificates/%s", name), 0);
	config_tree_write(&a->tree, path, secret_str(text), text->len);
}

/* By trust store, or by AdditionalCAs=. */
static int load(const struct authority *a, const char *store, const char *password,
    const char *additional, struct tls_context **ret, char **ret_why)
{
	const struct tls_trust trust = {
	    .trust_store = (char *)store, .trust_store_password = (char *)password};
	const struct settings settings = {.additional_cas = (char *)additional};

	return tls_context_new(
	    &a->config, &settings, &trust, "mail.example", ret, ret_why);
}

START_TEST(test_believes_nobody_unasked)
{
	_cleanup_authority_ struct authority a;
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_free_ char *why = NULL;

	begin(&a);
	put(&a, "ca.pem", &a.pem);
	ck_assert_int_eq(load(&a, NULL, NULL, NULL, &c, &why), 0);
	ck_assert(!believes(c, &a));
	ck_assert(!c->policy.insecure && c->policy.check_host);
	ck_assert_int_eq(SSL_CTX_get_verify_mode(c->ctx), SSL_VERIFY_PEER);
	ck_assert_int_eq(SSL_CTX_get_min_proto_version(c->ctx), TLS1_2_VERSION);
}
END_TEST

START_TEST(test_believes_who_is_named_in_each_format)
{
	_cleanup_authority_ struct authority a;
	_cleanup_secret_ struct secret talkative = {0}, two = {0};

	begin(&a);
	ck_assert_int_eq(
	    secret_printf(&talkative, "A comment\n\n%s\nmore\n", secret_str(&a.pem)), 0);
	ck_assert_int_eq(
	    secret_printf(&two, "%s%s", secret_str(&a.pem), secret_str(&a.pem)), 0);
	{
		const struct {
			const char *name, *password;
			const struct secret *text;
		} rows[] = {
		    {"ca.pem", NULL, &a.pem},
		    {"ca.crt", NULL, &a.pem},
		    {"talkative.pem", NULL, &talkative},
		    {"twice.pem", NULL, &two},
		    {"ca.der", NULL, &a.der},
		    {"ca.cer", NULL, &a.der},
		    {"ca.p12", PASSWORD, &a.p12},
		    {"ca.pfx", PASSWORD, &a.p12},
		    {"CA.P12", PASSWORD, &a.p12},
		    {"open.p12", NULL, &a.p12_open},
		    {"open2.p12", "", &a.p12_open},
		    {"needless.pem", PASSWORD, &a.pem},
		};

		for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
			_cleanup_tls_context_ struct tls_context *c = NULL;
			_cleanup_free_ char *why = NULL;
			int r;

			put(&a, rows[i].name, rows[i].text);
			r = load(&a, rows[i].name, rows[i].password, NULL, &c, &why);
			ck_assert_msg(r == 0, "%s: %d, %s", rows[i].name, r, why);
			ck_assert_msg(
			    believes(c, &a), "%s: is not believed", rows[i].name);
		}
	}
}
END_TEST

START_TEST(test_refuses_what_is_no_authority)
{
	_cleanup_authority_ struct authority a;
	_cleanup_secret_ struct secret cut = {0}, key = {0}, empty = {0}, garbage = {0},
				       cut_der = {0};
	BIO *bio = BIO_new(BIO_s_mem());

	begin(&a);
	ck_assert_int_eq(secret_append(&cut, a.pem.data, a.pem.len / 2), 0);
	ck_assert_int_eq(secret_append(&cut_der, a.der.data, a.der.len / 2), 0);
	ck_assert_int_eq(secret_puts(&garbage, "hello\n"), 0);
	ck_assert_int_eq(
	    PEM_write_bio_PrivateKey(bio, a.key, NULL, NULL, 0, NULL, NULL), 1);
	certificate_take_bio(bio, &key);
	{
		const struct {
			const char *name, *password;
			const struct secret *text; /* NULL: no file */
			int want;
		} rows[] = {
		    {"missing.pem", NULL, NULL, -ENOENT},
		    {"empty.pem", NULL, &empty, -EINVAL},
		    {"garbage.pem", NULL, &garbage, -EINVAL},
		    {"garbage.p12", PASSWORD, &garbage, -EINVAL},
		    {"cut.pem", NULL, &cut, -EINVAL},
		    {"cut.der", NULL, &cut_der, -EINVAL},
		    {"key.pem", NULL, &key, -EINVAL},
		    {"wrong.p12", "hunter3", &a.p12, -EINVAL},
		    {"none.p12", NULL, &a.p12, -EINVAL},
		};

		for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
			_cleanup_tls_context_ struct tls_context *c = NULL;
			_cleanup_free_ char *why = NULL;
			int r;

			if (rows[i].text)
				put(&a, rows[i].name, rows[i].text);
			r = load(&a, rows[i].name, rows[i].password, NULL, &c, &why);
			ck_assert_msg(
			    r == rows[i].want, "%s: %d, %s", rows[i].name, r, why);
			ck_assert_msg(
			    why && strstr(why, rows[i].name) && !strstr(why, "hunter"),
			    "%s: the reason is '%s'", rows[i].name, why);
			ck_assert_ptr_null(c);
		}
	}
}
END_TEST

START_TEST(test_the_settings_name_an_authority_too)
{
	_cleanup_authority_ struct authority a;
	_cleanup_free_ char *path = NULL;

	begin(&a);
	put(&a, "all.pem", &a.pem);
	path = config_tree_path(&a.tree, "certificates/all.pem");
	for (int absolute = 0; absolute < 2; absolute++) {
		_cleanup_tls_context_ struct tls_context *c = NULL, *none = NULL;
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(
		    load(&a, NULL, NULL, absolute ? path : "all.pem", &c, &why), 0);
		ck_assert(believes(c, &a));
		ck_assert_int_lt(
		    load(&a, NULL, NULL,
			absolute ? "/nonexistent.pem" : "nonexistent.pem", &none, &why),
		    0);
		ck_assert_ptr_nonnull(strstr(why, "nonexistent.pem"));
	}
}
END_TEST

START_TEST(test_the_systems_folder_is_looked_up_by_hash)
{
	_cleanup_authority_ struct authority a;
	_cleanup_tls_context_ struct tls_context *c = NULL;
	_cleanup_free_ char *why = NULL, *name = NULL;

	begin(&a);
	ck_assert_int_gt(asprintf(&name, "%08lx.0", X509_subject_name_hash(a.ca)), 0);
	put(&a, name, &a.pem);
	ck_assert_int_eq(load(&a, NULL, NULL, NULL, &c, &why), 0);
	ck_assert(believes(c, &a));
}
END_TEST

START_TEST(test_the_systems_bundle_may_be_named)
{
	_cleanup_authority_ struct authority a;
	_cleanup_tls_context_ struct tls_context *c = NULL, *none = NULL;
	_cleanup_free_ char *why = NULL, *path = NULL;

	begin(&a);
	put(&a, "bundle", &a.pem);
	path = config_tree_path(&a.tree, "certificates/bundle");
	ck_assert_int_eq(setenv("SSL_CERT_FILE", path, 1), 0);
	ck_assert_int_eq(load(&a, NULL, NULL, NULL, &c, &why), 0);
	ck_assert(believes(c, &a));
	ck_assert_int_eq(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
	ck_assert_int_eq(load(&a, NULL, NULL, NULL, &none, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent"));
}
END_TEST

START_TEST(test_which_hosts_are_trusted_without_a_check)
{
	static const struct {
		const char *list;
		bool all, insecure;
	} rows[] = {
	    {NULL, false, false},
	    {NULL, true, true},
	    {"", false, false},
	    {"*", false, true},
	    {"mail.example", false, true},
	    {"MAIL.Example", false, true},
	    {"a.example mail.example", false, true},
	    {"  a.example   mail.example ", false, true},
	    {"a.example *", false, true},
	    {"a.example", false, false},
	    {"example", false, false},
	    {"mail.example.com", false, false},
	    {"xmail.example", false, false},
	    {"*.example", false, false},
	    {"**", false, false},
	    {"mail.example,b", false, false},
	};
	_cleanup_authority_ struct authority a;
	const struct settings settings = {0};

	begin(&a);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct tls_trust trust = {.trusted_hosts = (char *)rows[i].list,
		    .insecure_trust_all = rows[i].all};
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(tls_context_new(&a.config, &settings, &trust,
				     "mail.example", &c, &why),
		    0);
		ck_assert_msg(c->policy.insecure == rows[i].insecure, "'%s': %d", rows[i].list,
		    c->policy.insecure);
		ck_assert_int_eq(SSL_CTX_get_verify_mode(c->ctx),
		    rows[i].insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER);
	}
}
END_TEST

START_TEST(test_what_a_certificate_must_be_called)
{
	static const struct {
		enum host_verification verification;
		bool check;
		unsigned flags;
	} rows[] = {
	    {HOST_VERIFY_STRICT, true, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS},
	    {HOST_VERIFY_BROWSER_COMPATIBLE, true, X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS},
	    {HOST_VERIFY_NONE, false, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS},
	};
	_cleanup_authority_ struct authority a;
	const struct settings settings = {0};

	begin(&a);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct tls_trust trust = {.verification = rows[i].verification};
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(tls_context_new(&a.config, &settings, &trust,
				     "mail.example", &c, &why),
		    0);
		ck_assert(c->policy.check_host == rows[i].check);
		ck_assert_uint_eq(c->policy.host_flags & rows[i].flags, rows[i].flags);
		ck_assert(!c->policy.insecure);
	}
	ck_assert_ptr_null(tls_context_free(NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_believes_nobody_unasked,
	    test_believes_who_is_named_in_each_format,
	    test_refuses_what_is_no_authority,
	    test_the_settings_name_an_authority_too,
	    test_the_systems_folder_is_looked_up_by_hash,
	    test_the_systems_bundle_may_be_named,
	    test_which_hosts_are_trusted_without_a_check,
	    test_what_a_certificate_must_be_called,
	};

	return check_program("tls-context", tests, ELEMENTSOF(tests));
}
