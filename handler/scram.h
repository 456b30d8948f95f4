/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SCRAM-SHA-256 as a client (RFC 5802, RFC 7677), without channel binding. Pure: messages
 * in, messages out; the nonce is a parameter.
 */

#include <stdbool.h>

#include "secret.h"

/* What we put up with (RFC 7677 4 asks for at least 4096; more is a way to burn our time). */
#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 100000

struct scram {
	struct secret nonce;	    /* the client's */
	struct secret first_bare;   /* client-first-message-bare */
	struct secret server_proof; /* the signature expected, base64 */
};

void scram_done(struct scram *s);
#define _cleanup_scram_ _cleanup_(scram_done)

/* Fresh randomness for a nonce, printable: 0 or -EIO. */
_must_check_ int scram_new_nonce(struct secret *ret);

/*
 * client-first-message, appended to `out`; takes the nonce from s->nonce. 0; -EINVAL for
 * a user that is no printable ASCII (what SASLprep would do to others we do not do);
 * -ENOMEM.
 */
_must_check_ int scram_first(struct scram *s, const char *user, struct secret *out);

/*
 * Answers server-first-message with client-final-message. 0; -EBADMSG if the server's
 * message is malformed, does not extend our nonce or asks for iterations out of bounds;
 * -EINVAL for a password that is no printable ASCII; -ENOMEM.
 */
_must_check_ int scram_final(
    struct scram *s, const char *server_first, const char *password, struct secret *out);

/* Whether server-final-message proves that the server knows the password: 0 or -EBADMSG. */
_must_check_ int scram_verify(const struct scram *s, const char *server_final);
