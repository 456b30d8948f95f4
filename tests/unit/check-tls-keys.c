/* SPDX-License-Identifier: Apache-2.0 */
/* Client certificates: which pair is taken out of which file, and what is said of the rest. */

#include "tls-keys.h"

#include <errno.h>
#include <string.h>

#include "certificates.h"
#include "check-program.h"
#include "config-tree.h"
#include "freed-memory.h"

/* A leaf with its key, its issuer, and a stranger's. */
struct pair {
	EVP_PKEY *ca_key, *key, *stranger_key;
	X509 *ca, *leaf;
};

static void pair_make(struct pair *p)
{
	p->ca_key = certificate_key();
	p->key = certificate_key();
	p->stranger_key = certificate_key();
	p->ca = certificate_of_ca(NULL, p->ca_key, p->ca_key);
	p->leaf = certificate_of_ca("DNS:client.example", p->key, p->ca_key);
}

static void pair_done(struct pair *p)
{
	EVP_PKEY_free(p->ca_key);
	EVP_PKEY_free(p->key);
	EVP_PKEY_free(p->stranger_key);
	X509_free(p->ca);
	X509_free(p->leaf);
}
#define _cleanup_pair_ _cleanup_(pair_done)

static void add_key(EVP_PKEY *key, const char *password, struct secret *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(
	    PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_256_cbc() : NULL,
		password, password ? (int)strlen(password) : 0, NULL, NULL),
	    1);
	certificate_take_bio(bio, out);
}

/* As "openssl ecparam -genkey" and "openssl ec -des3" write it. */
static void add_traditional_key(EVP_PKEY *key, const char *password, struct secret *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(
	    PEM_write_bio_PrivateKey_traditional(bio, key,
		password ? EVP_des_ede3_cbc() : NULL, (const unsigned char *)password,
		password ? (int)strlen(password) : 0, NULL, NULL),
	    1);
	certificate_take_bio(bio, out);
}

static void to_pkcs12(const struct pair *p, EVP_PKEY *key, X509 *leaf,
    const char *password, struct secret *out)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *p12;

	ck_assert_int_gt(sk_X509_push(others, p->ca), 0);
	p12 = PKCS12_create(password, "x", key, leaf, others, 0, 0, 0, 0, 0);
	ck_assert_ptr_nonnull(p12);
	ck_assert_int_eq(i2d_PKCS12_bio(bio, p12), 1);
	certificate_take_bio(bio, out);
	PKCS12_free(p12);
	sk_X509_free(others);
}

static int read_keys(
    const struct secret *file, const char *password, struct tls_keys *ret, char **ret_why)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;

	config_tree_make(&t);
	config_tree_write(&t, "certificates/client", secret_str(file), file->len);
	ck_assert_int_eq(config_open(&c, t.path, ret_why), 0);
	return tls_keys_read(&c, "client", password, ret, ret_why);
}

/* Fails unless the file gives the leaf, its key and, as its chain, the CA. */
static void expect_pair(const struct pair *p, const char *label,
    const struct secret *file, const char *password)
{
	_cleanup_tls_keys_ struct tls_keys k = {0};
	_cleanup_free_ char *why = NULL;
	int r = read_keys(file, password, &k, &why);

	ck_assert_msg(r == 0, "%s: %s", label, why);
	ck_assert_msg(X509_cmp(k.certificate, p->leaf) == 0,
	    "%s: another certificate is taken", label);
	ck_assert_msg(EVP_PKEY_eq(k.key, p->key) == 1, "%s: another key is taken", label);
	ck_assert_msg(
	    sk_X509_num(k.chain) == 1 && X509_cmp(sk_X509_value(k.chain, 0), p->ca) == 0,
	    "%s: the chain is not the CA", label);
}

START_TEST(test_reads_pem_in_any_order)
{
	_cleanup_pair_ struct pair p;
	static const struct {
		const char *label;
		const char *parts; /* l: leaf, c: CA, k: key, s: a stranger's key */
	} rows[] = {
	    {"key first", "klc"},
	    {"chain first", "clk"},
	    {"key between", "lkc"},
	    {"a stranger's key before it", "slck"},
	    {"a stranger's key behind it", "lcks"},
	};

	pair_make(&p);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret file = {0};

		for (const char *c = rows[i].parts; *c; c++)
			switch (*c) {
			case 'l':
				certificate_to_pem(p.leaf, &file);
				break;
			case 'c':
				certificate_to_pem(p.ca, &file);
				break;
			default:
				add_key(*c == 'k' ? p.key : p.stranger_key, NULL, &file);
			}
		expect_pair(&p, rows[i].label, &file, NULL);
		expect_pair(&p, rows[i].label, &file, "not needed");
	}
}
END_TEST

START_TEST(test_reads_other_forms_of_keys)
{
	_cleanup_pair_ struct pair p;
	static const struct {
		const char *label, *password, *head;
		bool traditional;
	} rows[] = {
	    {"encrypted", "pass word", "", false},
	    {"traditional", NULL, "", true},
	    {"traditional and encrypted", "pass word", "", true},
	    {"behind its parameters", NULL,
		"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
		"-----END EC PARAMETERS-----\n",
		true},
	    {"behind words", NULL, "Bag Attributes\n    friendlyName: x\n", false},
	};

	pair_make(&p);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret file = {0};

		ck_assert_int_eq(secret_puts(&file, rows[i].head), 0);
		if (rows[i].traditional)
			add_traditional_key(p.key, rows[i].password, &file);
		else
			add_key(p.key, rows[i].password, &file);
		certificate_to_pem(p.leaf, &file);
		certificate_to_pem(p.ca, &file);
		expect_pair(&p, rows[i].label, &file, rows[i].password);
	}
}
END_TEST

START_TEST(test_reads_pkcs12)
{
	static const char *const passwords[] = {"store-password", "", NULL};
	_cleanup_pair_ struct pair p;

	pair_make(&p);
	for (size_t i = 0; i < ELEMENTSOF(passwords); i++) {
		_cleanup_secret_ struct secret file = {0};

		to_pkcs12(&p, p.key, p.leaf, passwords[i], &file);
		expect_pair(
		    &p, passwords[i] ? passwords[i] : "none", &file, passwords[i]);
		if (!passwords[i] || !*passwords[i])
			expect_pair(&p, "the other kind of none", &file,
			    passwords[i] ? NULL : "");
	}
}
END_TEST

static void expect_refusal(
    const char *label, const struct secret *file, const char *password, const char *words)
{
	_cleanup_tls_keys_ struct tls_keys k = {0};
	_cleanup_free_ char *why = NULL;
	int r = read_keys(file, password, &k, &why);

	ck_assert_msg(r == -EINVAL, "%s: is accepted", label);
	ck_assert_msg(strstr(why, words) && strstr(why, "certificates/client: "),
	    "%s: the reason is '%s'", label, why);
	ck_assert_msg(!k.key && !k.certificate, "%s: leaves something", label);
}

START_TEST(test_refuses_incomplete_pem)
{
	_cleanup_secret_ struct secret leaf = {0}, key = {0}, other = {0}, locked = {0};
	_cleanup_secret_ struct secret jks = {0}, empty = {0}, cut = {0};
	_cleanup_pair_ struct pair p;

	pair_make(&p);
	certificate_to_pem(p.leaf, &leaf);
	add_key(p.key, NULL, &key);
	certificate_to_pem(p.leaf, &other);
	add_key(p.stranger_key, NULL, &other);
	certificate_to_pem(p.leaf, &locked);
	add_key(p.key, "right", &locked);
	ck_assert_int_eq(secret_append(&jks, "\xfe\xed\xfe\xed\0\0\0\2", 8), 0);
	certificate_to_pem(p.leaf, &cut);
	ck_assert_int_eq(secret_append(&cut, key.data, key.len / 2), 0);

	expect_refusal("no key", &leaf, NULL, "no usable private key");
	expect_refusal("no certificate", &key, NULL, "no certificate");
	expect_refusal("another's key", &other, NULL, "none of its certificates");
	expect_refusal("no password", &locked, NULL, "KeyStorePassword");
	expect_refusal("a wrong password", &locked, "wrong", "KeyStorePassword");
	expect_refusal("a Java key store", &jks, "x", "JKS");
	expect_refusal("an empty file", &empty, NULL, "no usable private key");
	expect_refusal("half a key", &cut, NULL, "no usable private key");
}
END_TEST

START_TEST(test_refuses_incomplete_pkcs12)
{
	_cleanup_secret_ struct secret store = {0}, keyless = {0}, alone = {0};
	_cleanup_secret_ struct secret der = {0}, cut = {0};
	_cleanup_pair_ struct pair p;

	pair_make(&p);
	to_pkcs12(&p, p.key, p.leaf, "right", &store);
	certificate_to_pkcs12(p.leaf, "right", &keyless);
	to_pkcs12(&p, p.key, NULL, "right", &alone);
	certificate_to_der(p.leaf, &der);
	ck_assert_int_eq(secret_append(&cut, store.data, store.len - 1), 0);

	expect_refusal("a wrong password", &store, "wrong", "KeyStorePassword");
	expect_refusal("no password", &store, NULL, "KeyStorePassword");
	expect_refusal("no key", &keyless, "right", "no usable private key");
	expect_refusal("only another's certificate", &alone, "right", "none of its");
	expect_refusal("a bare certificate", &der, NULL, "no usable private key");
	expect_refusal("cut short", &cut, "right", "no usable private key");
}
END_TEST

START_TEST(test_file_must_be_private)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	struct tls_keys k;

	config_tree_make(&t);
	config_tree_puts(&t, "certificates/client", "x");
	config_tree_chmod(&t, "certificates/client", 0644);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	ck_assert_int_eq(tls_keys_read(&c, "client", NULL, &k, &why), -EPERM);
	ck_assert_ptr_nonnull(strstr(why, "chmod o="));
	free(why);
	ck_assert_int_eq(tls_keys_read(&c, "nobody", NULL, &k, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "certificates/nobody"));
}
END_TEST

START_TEST(test_pem_for_others_has_the_pair_and_is_wiped)
{
	_cleanup_secret_ struct secret file = {0}, want = {0}, want_key = {0};
	struct secret certificates = {0}, key = {0};
	_cleanup_tls_keys_ struct tls_keys k = {0};
	_cleanup_free_ char *why = NULL, *line = NULL;
	_cleanup_pair_ struct pair p;

	pair_make(&p);
	to_pkcs12(&p, p.key, p.leaf, "right", &file);
	ck_assert_int_eq(read_keys(&file, "right", &k, &why), 0);
	certificate_to_pem(p.leaf, &want);
	certificate_to_pem(p.ca, &want);
	add_key(p.key, NULL, &want_key);
	line = strndup(strchr(want_key.data, '\n') + 40, 20);

	freed_memory_watch(line);
	ck_assert_int_eq(tls_keys_to_pem(&k, &certificates, &key), 0);
	ck_assert_str_eq(certificates.data, want.data);
	ck_assert_str_eq(key.data, want_key.data);
	secret_done(&certificates);
	secret_done(&key);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	freed_memory_watch(NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_pem_in_any_order,
	    test_reads_other_forms_of_keys,
	    test_reads_pkcs12,
	    test_refuses_incomplete_pem,
	    test_refuses_incomplete_pkcs12,
	    test_file_must_be_private,
	    test_pem_for_others_has_the_pair_and_is_wiped,
	};

	return check_program("tls-keys", tests, ELEMENTSOF(tests));
}
