/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Logging in to the mail server with SASL (RFC 4422): which mechanism, and its dialogue.
 * The same for every protocol; how a step looks on the wire is the protocol's.
 */

#include "protocol.h"

struct sasl_credentials {
	const char *user;     /* UTF-8 without control characters */
	const char *password; /* NULL for OAuth */
	const char *token;    /* access token, NULL without OAuth */
	const char *host;     /* OAUTHBEARER names them (RFC 7628 3.1) */
	uint16_t port;
	const char
	    *preference; /* mail.<p>.auth.mechanisms: names between spaces, or NULL */
	bool clear_text_allowed; /* a password may cross an unencrypted connection */
};

struct sasl_mechanism;

/*
 * Chooses the first mechanism, in the order wanted, that the server offers and that fits:
 * for OAuth XOAUTH2, OAUTHBEARER and nothing else; for a password PLAIN, LOGIN,
 * SCRAM-SHA-256 under TLS, SCRAM-SHA-256 alone without. 0; -EOPNOTSUPP with the reason
 * noted in the upstream.
 */
_must_check_ int sasl_choose(struct upstream *u, const struct protocol *protocol,
    const struct sasl_credentials *c, const struct sasl_mechanism **ret);

/* "XOAUTH2"; constant. */
const char *sasl_mechanism_name(const struct sasl_mechanism *m);

/* The bit of a mechanism that we speak, compared without case; 0 for others. */
unsigned sasl_mechanism_bit(const char *name, size_t len);

/*
 * Logs in. 0; -EACCES if refused (upstream's credentials_refused says whether it was the
 * login itself); others as for the protocol's verbs. -EPROTO if a SCRAM server did not
 * prove itself.
 */
_must_check_ int sasl_login(struct upstream *u, const struct protocol *protocol,
    const struct sasl_mechanism *m, const struct sasl_credentials *c);
