/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One request to a token service, ready to be sent; oauth.c builds it, fetch.c sends it. */

#include <stdint.h>

#include "digest.h"
#include "secret.h"
#include "tls-trust.h"

/* One POST, complete but for the certificates. Everything owned. */
struct token_request {
	struct secret url;     /* resolved, queries included */
	char *host;	       /* the URL's, for the journal; no port, no brackets */
	struct secret headers; /* "Name: value", each ended by a NUL; no Content-Type */
	struct secret body;    /* application/x-www-form-urlencoded */
	struct secret hidden;  /* values that no text may repeat, each ended by a NUL */
	uint64_t connect_timeout_usec;
	uint64_t
	    read_timeout_usec; /* once connected, between any two pieces of the reply */
	uint64_t timeout_usec; /* for the whole request, connecting included */
	struct tls_trust trust;
};

void token_request_done(struct token_request *r);
#define _cleanup_token_request_ _cleanup_(token_request_done)

/* SHA-256 over everything that would be sent and whom it trusts: 0, -ENOMEM or -EIO. */
_must_check_ int token_request_digest(
    const struct token_request *r, unsigned char ret[DIGEST_SHA256_SIZE]);

/* Replaces every hidden value within `text` by asterisks: for what a server said to us. */
void token_request_mask(const struct token_request *r, struct secret *text);
