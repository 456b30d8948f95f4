/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From a destination's OAuth keys (SAP: "OAuth Client Credentials Authentication", "OAuth
 * Refresh Token Authentication", "OAuth Authorization Code Authentication") to one HTTP
 * request (RFC 6749 4.1.3, 4.4, 6). Pure: no I/O, no clock.
 */

#include <stdbool.h>

#include "properties.h"
#include "token-request.h"

/*
 * Builds the request of a grant, without the credential. `tenant` is what
 * tokenServiceURLType Common puts into the URL, or NULL if none is known. 0; -EINVAL with
 * *ret_why (malloc'd) naming file, key and reason, also for what needs a certificate, a
 * client assertion or a Cloud Connector; -ENOMEM.
 */
_must_check_ int oauth_build_request(const struct properties *p, const char *tenant,
    enum grant grant, struct token_request *ret, char **ret_why);

/*
 * Whether the token service's URL takes a tenant (tokenServiceURLType Common), which then
 * must be known and a DNS label: 0 with *ret_is_common; else as above.
 */
_must_check_ int oauth_check_tenant(
    const struct properties *p, const char *tenant, bool *ret_is_common, char **ret_why);
