/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within tls-anchors.c's, tls-keys.c's and tls-describe.c's job: certificates out of a file. */

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "secret.h"

/* Takes over the certificate, also on failure: 0 or -ENOMEM. */
_must_check_ int tls_certificates_push(STACK_OF(X509) * stack, X509 *certificate);

/* Appends every certificate of a PEM text, others' blocks left out: 0 or -ENOMEM. */
_must_check_ int tls_certificates_add_pem(
    STACK_OF(X509) * stack, const struct secret *text);

/*
 * Appends every certificate of a PKCS#12 text, the key's own first; `password` may be
 * NULL. *ret_key, if ret_key is not NULL, is the private key or NULL. 0, also if the text
 * is something else; -EACCES if the password is wrong; -ENOTSUP if it is encrypted in a
 * way that OpenSSL does not know (any more), or damaged; -ENOMEM.
 */
_must_check_ int tls_certificates_add_pkcs12(STACK_OF(X509) * stack,
    const struct secret *text, const char *password, EVP_PKEY **ret_key);

/* Whether a text can be DER: PKCS#12, or a certificate. */
bool tls_certificates_are_der(const struct secret *text);

static inline void tls_certificates_free_biop(BIO **bio)
{
	BIO_free(*bio);
}
#define _cleanup_bio_ _cleanup_(tls_certificates_free_biop)
