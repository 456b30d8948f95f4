/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a server showed of itself in the handshake, for who looks at a connection. */

#include "tls-describe.h"
#include "tls.h"

/*
 * Adds the certificates that the server sent, its own first. 0, also if it sent none (a
 * resumed session); -EINVAL; -ENOMEM.
 */
_must_check_ int tls_chain_read(const struct tls *tls, struct tls_descriptions *ret);

/* Who issued the last of them, escaped (malloc'd); NULL if there is none or no memory. */
char *tls_chain_issuer(const struct tls *tls);
