/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that certificates come in, for those who want to believe them and for those
 * who want to show them. */

#include "tls-certificates.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "tls-anchors.h"

/* The first byte of all DER that is of interest here. */
#define ASN1_SEQUENCE 0x30

static void pkcs12_freep(PKCS12 **p12)
{
	PKCS12_free(*p12);
}
#define _cleanup_pkcs12_ _cleanup_(pkcs12_freep)

static void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define _cleanup_key_ _cleanup_(key_freep)

int tls_certificates_push(STACK_OF(X509) * stack, X509 *certificate)
{
	if (sk_X509_push(stack, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -ENOMEM;
}

int tls_certificates_add_pem(STACK_OF(X509) * stack, const struct secret *text)
{
	_cleanup_bio_ BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
	X509 *certificate;
	int r = 0;

	if (!in)
		return -ENOMEM;
	while (r == 0 && (certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL)))
		r = tls_certificates_push(stack, certificate);
	return r;
}

/* No password is written in two ways (RFC 7292 B.1): nothing at all, and an empty text. */
static bool is_opened(PKCS12 *p12, const char *password)
{
	if (!PKCS12_mac_present(p12))
		return true;
	if (password && *password)
		return PKCS12_verify_mac(p12, password, -1) == 1;
	return PKCS12_verify_mac(p12, NULL, 0) == 1 || PKCS12_verify_mac(p12, "", 0) == 1;
}

int tls_certificates_add_pkcs12(STACK_OF(X509) * stack, const struct secret *text,
    const char *password, EVP_PKEY **ret_key)
{
	const unsigned char *p = (const unsigned char *)text->data;
	_cleanup_pkcs12_ PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)text->len);
	_cleanup_tls_anchors_ STACK_OF(X509) *others = NULL;
	_cleanup_key_ EVP_PKEY *key = NULL;
	X509 *own = NULL, *certificate;
	int r = 0;

	if (!p12)
		return 0;
	if (!is_opened(p12, password))
		return -EACCES;
	if (PKCS12_parse(p12, password, &key, &own, &others) != 1)
		return -ENOTSUP;
	if (own)
		r = tls_certificates_push(stack, own);
	while (r == 0 && (certificate = sk_X509_shift(others)))
		r = tls_certificates_push(stack, certificate);
	if (r == 0 && ret_key)
		*ret_key = TAKE_PTR(key);
	return r;
}

bool tls_certificates_are_der(const struct secret *text)
{
	return text->len > 0 && text->data[0] == ASN1_SEQUENCE;
}
