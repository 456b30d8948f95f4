/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates out of files, whatever of three formats they are in: told by content, not
 * by name. */

#include "tls-anchors.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "reason.h"

/* The first byte of all DER that is of interest here. */
#define ASN1_SEQUENCE 0x30

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}
#define _cleanup_bio_ _cleanup_(bio_freep)

static void pkcs12_freep(PKCS12 **p12)
{
	PKCS12_free(*p12);
}
#define _cleanup_pkcs12_ _cleanup_(pkcs12_freep)

void tls_anchors_free(struct stack_st_X509 **stack)
{
	sk_X509_pop_free(*stack, X509_free);
}

/* "1a2b3c4d.0" */
static bool is_hash_link(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	       name[9] >= '0' && name[9] <= '9';
}

bool tls_anchors_are_hashed(const char *folder)
{
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(folder);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		found = is_hash_link(entry->d_name);
	(void)closedir(dir); /* was only read */
	return found;
}

/* Takes over the certificate: 0 or -ENOMEM. */
static int push(STACK_OF(X509) * stack, X509 *certificate)
{
	if (sk_X509_push(stack, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -ENOMEM;
}

static int add_pem(STACK_OF(X509) * stack, const struct secret *text)
{
	_cleanup_bio_ BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
	X509 *certificate;
	int r = 0;

	if (!in)
		return -ENOMEM;
	while (r == 0 && (certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL)))
		r = push(stack, certificate);
	return r;
}

/* The store's own certificate and all others of a PKCS#12 file: 0, -EACCES if the
 * password is wrong. */
static int add_pkcs12(
    STACK_OF(X509) * stack, const struct secret *text, const char *password)
{
	const unsigned char *p = (const unsigned char *)text->data;
	_cleanup_pkcs12_ PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)text->len);
	_cleanup_tls_anchors_ STACK_OF(X509) *others = NULL;
	X509 *own = NULL, *certificate;
	EVP_PKEY *key = NULL;
	int r = 0;

	if (!p12)
		return 0;
	if (PKCS12_mac_present(p12) && PKCS12_verify_mac(p12, password, -1) != 1)
		return -EACCES;
	if (PKCS12_parse(p12, password, &key, &own, &others) != 1)
		return 0;
	EVP_PKEY_free(key);
	if (own)
		r = push(stack, own);
	while (r == 0 && (certificate = sk_X509_pop(others)))
		r = push(stack, certificate);
	return r;
}

static int add_der(
    STACK_OF(X509) * stack, const struct secret *text, const char *password)
{
	const unsigned char *p = (const unsigned char *)text->data;
	X509 *certificate = d2i_X509(NULL, &p, (long)text->len);

	return certificate ? push(stack, certificate) : add_pkcs12(stack, text, password);
}

static int parse(STACK_OF(X509) * stack, const struct config_file *f,
    const char *password, char **ret_why)
{
	bool der = f->text.len > 0 && f->text.data[0] == ASN1_SEQUENCE;
	int r = 0;

	if (f->text.len > 0)
		r = der ? add_der(stack, &f->text, password ? password : "")
			: add_pem(stack, &f->text);
	ERR_clear_error(); /* OpenSSL's words say less than the file's name */
	if (r == -EACCES)
		return reason_set(
		    ret_why, -EINVAL, "%s: is not opened by TrustStorePassword", f->path);
	if (r == 0 && sk_X509_num(stack) == 0)
		return reason_set(
		    ret_why, -EINVAL, "%s: has no usable certificate", f->path);
	return r;
}

int tls_anchors_read(const struct config *c, const char *name, const char *password,
    struct stack_st_X509 **ret, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_tls_anchors_ STACK_OF(X509) *stack = NULL;
	int r;

	if (name[0] == '/')
		r = config_read_path(name, CONFIG_CERTIFICATE_MAX, &f, ret_why);
	else
		r = config_read(
		    c, "certificates", name, "", CONFIG_CERTIFICATE_MAX, &f, ret_why);
	if (r < 0)
		return r;
	stack = sk_X509_new_null();
	if (!stack)
		return -ENOMEM;
	r = parse(stack, &f, password, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(stack);
	return r;
}

int tls_anchors_to_pem(const struct stack_st_X509 *stack, struct secret *out)
{
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!bio)
		return -ENOMEM;
	for (int i = 0; i < sk_X509_num(stack); i++)
		if (PEM_write_bio_X509(bio, sk_X509_value(stack, i)) != 1)
			return -ENOMEM;
	n = BIO_get_mem_data(bio, &text);
	return secret_append(out, text, (size_t)n);
}
