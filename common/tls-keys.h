/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Client certificates as files: a private key with its certificate and chain, in PEM or
 * PKCS#12, told apart by content. What SAP's keys KeyStoreLocation (the mail server) and
 * tokenService.KeyStoreLocation (the token service) name. The handler gives them to
 * OpenSSL, the helper to libcurl as PEM.
 */

#include "config.h"

/* OpenSSL's X509, EVP_PKEY and STACK_OF(X509), which only its own modules need to see. */
struct x509_st;
struct evp_pkey_st;
struct stack_st_X509;

/* All owned. Invariant: either all NULL, or `key` is that of `certificate`. */
struct tls_keys {
	struct x509_st *certificate;
	struct stack_st_X509
	    *chain; /* what else the file has, in its order; maybe empty */
	struct evp_pkey_st *key;
};

/*
 * Reads certificates/<name>, which must be kept as well as any file with secrets
 * (config_check_private()). `password` is the PKCS#12 store's or the PEM key's, or NULL.
 * Of several PEM keys the first one counts that belongs to a certificate in the file.
 * 0; -EINVAL if there is no key or no certificate, they do not belong together, or the
 * password is wrong; another -errno of reading the file; all with *ret_why (malloc'd),
 * which names the file; -ENOMEM.
 */
_must_check_ int tls_keys_read(const struct config *c, const char *name,
    const char *password, struct tls_keys *ret, char **ret_why);

/*
 * The same from a text in memory; `what` is what messages call it. 0, -EINVAL with
 * *ret_why, -ENOMEM.
 */
_must_check_ int tls_keys_parse(const struct secret *text, const char *password,
    const char *what, struct tls_keys *ret, char **ret_why);

/*
 * Appends the certificate with its chain to one text and the key, not encrypted, to
 * another, both as PEM: 0 or -ENOMEM.
 */
_must_check_ int tls_keys_to_pem(
    const struct tls_keys *k, struct secret *certificates, struct secret *key);

/* Frees, the key wiped; the struct may be used again. */
void tls_keys_done(struct tls_keys *k);
#define _cleanup_tls_keys_ _cleanup_(tls_keys_done)
