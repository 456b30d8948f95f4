/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Client assertions (RFC 7521 4.2; SAP: "Client Assertion with Automated Assertion
 * Fetching by the Service"): a destination that has no secret names another one, whose
 * access token is shown in its place. The other is an OAuth2ClientCredentials destination
 * of any Type, with clientAssertion.type, and needs no assertion itself.
 */

#include "binding.h"
#include "properties.h"
#include "token-request.h"

/* Whether a destination may provide assertions: 0, or -EINVAL with *ret_why (malloc'd). */
_must_check_ int assertion_check_provider(const struct properties *p, char **ret_why);

/*
 * Reads request->assertion_provider, which the bound destination with properties `p` asks
 * for, and adds client_assertion_type to the request's body. 0; -ENOMEM; another -errno
 * with *ret_why (malloc'd) naming file, key and reason.
 */
_must_check_ int assertion_add_type(const char *config_dir, const struct binding *b,
    const struct properties *p, struct token_request *request, char **ret_why);
