/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys with their certificates out of files. Which of the certificates is the
 * key's own is found by comparing keys, not by the order or by names in the file. */

#include "tls-keys.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "reason.h"
#include "tls-anchors.h"
#include "tls-certificates.h"

/* The first bytes of a Java key store. */
static const unsigned char jks_magic[] = {0xfe, 0xed, 0xfe, 0xed};

void tls_keys_done(struct tls_keys *k)
{
	X509_free(k->certificate);
	sk_X509_pop_free(k->chain, X509_free);
	EVP_PKEY_free(k->key);
	*k = (struct tls_keys){0};
}

/* Moves the certificate of `key` out of the stack: true if there is one. */
static bool take_own(STACK_OF(X509) * stack, EVP_PKEY *key, X509 **ret)
{
	for (int i = 0; i < sk_X509_num(stack); i++) {
		if (X509_check_private_key(sk_X509_value(stack, i), key) != 1)
			continue;
		*ret = sk_X509_delete(stack, i);
		return true;
	}
	return false;
}

/*
 * The first key with a certificate of its own, or else the last one there is. Without a
 * callback OpenSSL takes its argument for the password, and asks no terminal.
 */
static int read_pem(struct tls_keys *k, const struct secret *text, const char *password)
{
	_cleanup_bio_ BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
	EVP_PKEY *key;
	int r;

	if (!in)
		return -ENOMEM;
	r = tls_certificates_add_pem(k->chain, text);
	while (r == 0 && !k->certificate &&
	       (key = PEM_read_bio_PrivateKey(
		    in, NULL, NULL, (void *)(password ? password : "")))) {
		EVP_PKEY_free(k->key);
		k->key = key;
		(void)take_own(k->chain, key, &k->certificate);
	}
	return r;
}

static int read_pkcs12(
    struct tls_keys *k, const struct secret *text, const char *password)
{
	int r;

	r = tls_certificates_add_pkcs12(k->chain, text, password, &k->key);
	if (r == 0 && k->key)
		(void)take_own(k->chain, k->key, &k->certificate);
	return r;
}

/* What is missing, in words. */
static const char *find_fault(const struct tls_keys *k, const struct secret *text)
{
	const char *content = secret_str(text);

	if (k->certificate)
		return NULL;
	if (text->len >= sizeof(jks_magic) &&
	    memcmp(content, jks_magic, sizeof(jks_magic)) == 0)
		return "is a Java key store (JKS); convert it to PKCS#12 with keytool "
		       "-importkeystore -deststoretype pkcs12";
	if (!k->key && strstr(content, "ENCRYPTED"))
		return "has a private key that is not opened by KeyStorePassword";
	if (!k->key)
		return "has no usable private key";
	if (sk_X509_num(k->chain) == 0)
		return "has a private key, but no certificate";
	return "has a private key that belongs to none of its certificates";
}

static int parse(struct tls_keys *k, const struct secret *text, const char *password,
    const char *what, char **ret_why)
{
	const char *fault;
	int r = 0;

	if (tls_certificates_are_der(text))
		r = read_pkcs12(k, text, password);
	else if (text->len > 0)
		r = read_pem(k, text, password);
	ERR_clear_error(); /* OpenSSL's words say less than the file's name */
	if (r == -ENOMEM)
		return r;
	if (r == -EACCES)
		return reason_set(
		    ret_why, -EINVAL, "%s: is not opened by KeyStorePassword", what);
	if (r == -ENOTSUP)
		return reason_set(ret_why, -EINVAL,
		    "%s: is damaged, or encrypted in a way that OpenSSL does not "
		    "support; write it anew with AES-256",
		    what);
	fault = find_fault(k, text);
	return fault ? reason_set(ret_why, -EINVAL, "%s: %s", what, fault) : 0;
}

int tls_keys_parse(const struct secret *text, const char *password, const char *what,
    struct tls_keys *ret, char **ret_why)
{
	_cleanup_tls_keys_ struct tls_keys k = {.chain = sk_X509_new_null()};
	int r;

	if (!k.chain)
		return -ENOMEM;
	r = parse(&k, text, password, what, ret_why);
	if (r < 0)
		return r;
	*ret = k;
	k = (struct tls_keys){0};
	return 0;
}

int tls_keys_read(const struct config *c, const char *name, const char *password,
    struct tls_keys *ret, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	int r;

	r = config_read(c, "certificates", name, "", CONFIG_CERTIFICATE_MAX, &f, ret_why);
	if (r == 0)
		r = config_check_private(&f, ret_why);
	return r < 0 ? r : tls_keys_parse(&f.text, password, f.path, ret, ret_why);
}

static int take_bio(BIO *bio, struct secret *out)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	return secret_append(out, text, (size_t)n);
}

int tls_keys_to_pem(
    const struct tls_keys *k, struct secret *certificates, struct secret *key)
{
	_cleanup_bio_ BIO *public = BIO_new(BIO_s_mem());
	_cleanup_bio_ BIO *private = BIO_new(BIO_s_secmem()); /* wiped when freed */
	int r;

	if (!public || !private || PEM_write_bio_X509(public, k->certificate) != 1)
		return -ENOMEM;
	if (PEM_write_bio_PKCS8PrivateKey(private, k->key, NULL, NULL, 0, NULL, NULL) !=
	    1)
		return -ENOMEM;
	r = take_bio(public, certificates);
	if (r == 0)
		r = tls_anchors_to_pem(k->chain, certificates);
	return r < 0 ? r : take_bio(private, key);
}
