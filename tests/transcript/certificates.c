/* SPDX-License-Identifier: Apache-2.0 */
/* One key for all that is right, one for what an outsider signs. */

#include "certificates.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#define CA_NAME "CA of the dialogues"
#define DAY 86400L

struct certificates {
	EVP_PKEY *key, *outsider;
	X509 *ca;
};

/* What a certificate says. */
struct contents {
	const char *subject, *issuer;
	const char *names; /* subjectAltName, or NULL for a CA */
	long from, until;  /* seconds from now */
};

static const struct contents authority = {CA_NAME, CA_NAME, NULL, -DAY, DAY};

static const struct contents leaves[] = {
    [CERTIFICATE_RIGHT] = {"localhost", CA_NAME, "DNS:localhost,IP:127.0.0.1", -DAY, DAY},
    [CERTIFICATE_WRONG_NAME] = {"elsewhere", CA_NAME, "DNS:elsewhere.example", -DAY, DAY},
    [CERTIFICATE_EXPIRED] = {"localhost", CA_NAME, "DNS:localhost,IP:127.0.0.1", -2 * DAY,
	-DAY},
    [CERTIFICATE_SELF_SIGNED] = {"localhost", "localhost", "DNS:localhost,IP:127.0.0.1",
	-DAY, DAY},
    [CERTIFICATE_UNKNOWN_CA] = {"localhost", CA_NAME, "DNS:localhost,IP:127.0.0.1", -DAY,
	DAY},
};
_Static_assert(ELEMENTSOF(leaves) == CERTIFICATE_KIND_MAX, "contents for each kind");

static bool set_name(X509_NAME *name, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		   (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return ok;
}

static bool fill(X509 *certificate, const struct contents *c, EVP_PKEY *key)
{
	return X509_set_version(certificate, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(certificate), c->names ? 2 : 1) ==
		   1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), c->from) &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), c->until) &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       set_name(X509_get_subject_name(certificate), c->subject) &&
	       set_name(X509_get_issuer_name(certificate), c->issuer) &&
	       (c->names ? add_extension(certificate, NID_subject_alt_name, c->names)
			 : add_extension(
			       certificate, NID_basic_constraints, "critical,CA:TRUE"));
}

static X509 *make(const struct contents *c, EVP_PKEY *key, EVP_PKEY *signer)
{
	X509 *certificate = X509_new();

	if (certificate && fill(certificate, c, key) &&
	    X509_sign(certificate, signer, EVP_sha256()) > 0)
		return certificate;
	X509_free(certificate);
	return NULL;
}

struct certificates *certificates_new(void)
{
	struct certificates *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->key = EVP_EC_gen("P-256");
	c->outsider = EVP_EC_gen("P-256");
	if (c->key && c->outsider)
		c->ca = make(&authority, c->key, c->key);
	return c->ca ? c : certificates_free(c);
}

struct certificates *certificates_free(struct certificates *c)
{
	if (!c)
		return NULL;
	X509_free(c->ca);
	EVP_PKEY_free(c->key);
	EVP_PKEY_free(c->outsider);
	free(c);
	return NULL;
}

int certificates_append_ca(const struct certificates *c, struct secret *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;
	int r = -ENOMEM;

	if (bio && PEM_write_bio_X509(bio, c->ca) == 1) {
		n = BIO_get_mem_data(bio, &text);
		r = secret_append(out, text, (size_t)n);
	}
	BIO_free(bio);
	return r;
}

SSL_CTX *certificates_context(
    const struct certificates *c, enum certificate_kind kind, int version)
{
	EVP_PKEY *signer = kind == CERTIFICATE_UNKNOWN_CA ? c->outsider : c->key;
	X509 *leaf = make(&leaves[kind], c->key, signer);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool ok;

	ok = leaf && ctx && SSL_CTX_use_certificate(ctx, leaf) == 1 &&
	     SSL_CTX_use_PrivateKey(ctx, c->key) == 1 &&
	     SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
	     SSL_CTX_set_max_proto_version(ctx, version) == 1;
	X509_free(leaf);
	if (ok)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}
