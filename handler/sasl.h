/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Logging in to the mail server with SASL (RFC 4422): which mechanism, and its dialogue.
 * The same for every protocol; how a step looks on the wire is the protocol's.
 */

#include "protocol.h"
#include "sasl-mechanism.h"

/*
 * Chooses the first mechanism, in the order wanted, that the server offers and that fits:
 * for OAuth XOAUTH2, OAUTHBEARER and nothing else; for a password PLAIN, LOGIN,
 * SCRAM-SHA-256 under TLS, SCRAM-SHA-256 alone without. 0; -EOPNOTSUPP with the reason
 * noted in the upstream.
 */
_must_check_ int sasl_choose(struct upstream *u, const struct protocol *protocol,
    const struct sasl_credentials *c, const struct sasl_mechanism **ret);

/*
 * Logs in. 0; -EACCES if refused (upstream's credentials_refused says whether it was the
 * login itself); others as for the protocol's verbs. -EPROTO if a SCRAM server did not
 * prove itself.
 */
_must_check_ int sasl_login(struct upstream *u, const struct protocol *protocol,
    const struct sasl_mechanism *m, const struct sasl_credentials *c);
