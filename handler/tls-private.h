/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What tls.c and tls-context.c share; for nobody else. */

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_context {
	SSL_CTX *ctx;  /* owned */
	bool insecure; /* certificates are not checked at all */
	bool check_host;
	unsigned host_flags; /* X509_CHECK_FLAG_* */
};
