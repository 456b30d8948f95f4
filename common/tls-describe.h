/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What certificates say of themselves, for people: whose they are, and until when. */

#include <stddef.h>
#include <stdint.h>

#include "secret.h"

/* OpenSSL's X509 and STACK_OF(X509), which only its own modules need to see. */
struct x509_st;
struct stack_st_X509;

/* So many of a file or chain are told of. */
#define TLS_DESCRIPTIONS_MAX 64

/* Strings owned, escaped; RFC 4514, or without a name "". Times in seconds of the epoch. */
struct tls_description {
	char *subject, *issuer;
	int64_t not_before, not_after;
};

struct tls_descriptions {
	struct tls_description *list; /* owned */
	size_t n;
};

void tls_descriptions_done(struct tls_descriptions *d);
#define _cleanup_tls_descriptions_ _cleanup_(tls_descriptions_done)

/* Adds the first TLS_DESCRIPTIONS_MAX: 0, -EINVAL if the times of one are none, -ENOMEM. */
_must_check_ int tls_describe_all(
    const struct stack_st_X509 *stack, struct tls_descriptions *d);

/*
 * Adds those of a file's text: PEM, DER or PKCS#12, whose password may be NULL; private
 * keys are not looked at. 0, also if there are none; -EACCES if the password is wrong;
 * -ENOTSUP; -EINVAL; -ENOMEM.
 */
_must_check_ int tls_describe_text(
    const struct secret *text, const char *password, struct tls_descriptions *d);
