/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Certificates made on the spot, one key for all: what they are worth shows their
 * issuer's name, their names and their dates. */

#include <check.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#include "secret.h"

#define CERTIFICATE_DAY (24 * 60 * 60L)

struct certificate_contents {
	const char *subject, *issuer;
	const char *names; /* as in "DNS:a.example,IP:127.0.0.1"; NULL for a CA */
	long from, until;  /* seconds from now */
};

static inline EVP_PKEY *certificate_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	ck_assert_ptr_nonnull(key);
	return key;
}

static inline void certificate_extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(extension);
	ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline void certificate_name(X509_NAME *name, const char *text)
{
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			     (const unsigned char *)text, -1, -1, 0),
	    1);
}

/* A certificate of `key`, signed by `signer`; the caller frees it. */
static inline X509 *certificate_make(
    const struct certificate_contents *c, EVP_PKEY *key, EVP_PKEY *signer)
{
	X509 *x = X509_new();

	ck_assert_ptr_nonnull(x);
	ck_assert_int_eq(X509_set_version(x, X509_VERSION_3), 1);
	ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(x), c->names ? 2 : 1), 1);
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(x), c->from));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(x), c->until));
	ck_assert_int_eq(X509_set_pubkey(x, key), 1);
	certificate_name(X509_get_subject_name(x), c->subject);
	certificate_name(X509_get_issuer_name(x), c->issuer);
	if (c->names)
		certificate_extend(x, NID_subject_alt_name, c->names);
	else
		certificate_extend(x, NID_basic_constraints, "critical,CA:TRUE");
	ck_assert_int_gt(X509_sign(x, signer, EVP_sha256()), 0);
	return x;
}

/* A certificate of the authority "CA" that is good for a day; `names` NULL makes the
 * authority's own. */
static inline X509 *certificate_of_ca(const char *names, EVP_PKEY *key, EVP_PKEY *ca_key)
{
	const struct certificate_contents c = {.subject = names ? "leaf" : "CA",
	    .issuer = "CA",
	    .names = names,
	    .from = -CERTIFICATE_DAY,
	    .until = CERTIFICATE_DAY};

	return certificate_make(&c, key, ca_key);
}

static inline void certificate_take_bio(BIO *bio, struct secret *out)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(secret_append(out, text, (size_t)n), 0);
	BIO_free(bio);
}

static inline void certificate_to_pem(X509 *certificate, struct secret *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(PEM_write_bio_X509(bio, certificate), 1);
	certificate_take_bio(bio, out);
}

static inline void certificate_to_der(X509 *certificate, struct secret *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(i2d_X509_bio(bio, certificate), 1);
	certificate_take_bio(bio, out);
}

/* A PKCS#12 store of a certificate without its key. */
static inline void certificate_to_pkcs12(
    X509 *certificate, const char *password, struct secret *out)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *p12;

	ck_assert_int_gt(sk_X509_push(others, certificate), 0);
	p12 = PKCS12_create(password, "x", NULL, NULL, others, 0, 0, 1, 1, 0);
	ck_assert_ptr_nonnull(p12);
	ck_assert_int_eq(i2d_PKCS12_bio(bio, p12), 1);
	certificate_take_bio(bio, out);
	PKCS12_free(p12);
	sk_X509_free(others);
}
