/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Certificates made at run time, in memory: a CA that sessions trust, and what servers show. */

#include <openssl/ssl.h>

#include "secret.h"

enum certificate_kind {
	CERTIFICATE_RIGHT, /* for localhost and 127.0.0.1, by the CA */
	CERTIFICATE_WRONG_NAME,
	CERTIFICATE_EXPIRED,
	CERTIFICATE_SELF_SIGNED,
	CERTIFICATE_UNKNOWN_CA, /* by another CA of the same name */
	CERTIFICATE_KIND_MAX,
};

struct certificates; /* keys and the CA's certificate */

/* NULL if OpenSSL fails. */
struct certificates *certificates_new(void);
struct certificates *certificates_free(struct certificates *c);

/* Appends the CA's certificate in PEM: 0 or -ENOMEM. */
_must_check_ int certificates_append_ca(const struct certificates *c, struct secret *out);

/* A server's context that speaks one version of TLS (TLS1_2_VERSION, TLS1_3_VERSION) and
 * shows one kind of certificate; NULL if OpenSSL fails. */
SSL_CTX *certificates_context(
    const struct certificates *c, enum certificate_kind kind, int version);
