/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a client says with XOAUTH2 ("SASL XOAUTH2", Google and Microsoft) or OAUTHBEARER
 * (RFC 7628 3.1): who it is, and its bearer, which is a refresh token or a code here
 * (SAP, "Using the Transparent Proxy": OAuth2RefreshToken, OAuth2AuthorizationCode). Pure.
 */

#include <stdbool.h>

#include "secret.h"

/* Both are wiped by client_bearer_done(). */
struct client_bearer {
	struct secret user;	  /* NUL-terminated; empty if the client named none */
	struct secret credential; /* visible ASCII */
};

void client_bearer_done(struct client_bearer *b);
#define _cleanup_client_bearer_ _cleanup_(client_bearer_done)

/*
 * Parses a decoded response. XOAUTH2 must name a user, OAUTHBEARER may. 0; -EBADMSG with
 * *ret_why a constant, without anything of the client's; -ENOMEM.
 */
_must_check_ int client_bearer_parse_xoauth2(
    const struct secret *response, struct client_bearer *ret, const char **ret_why);
_must_check_ int client_bearer_parse_oauthbearer(
    const struct secret *response, struct client_bearer *ret, const char **ret_why);
