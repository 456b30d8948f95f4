/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From a destination's OAuth keys (SAP: "OAuth Client Credentials Authentication") to one
 * HTTP request (RFC 6749 4.4). Pure: no I/O, no clock.
 */

#include "properties.h"
#include "token-request.h"

/*
 * Builds the client credentials request. `tenant` is what tokenServiceURLType Common puts
 * into the URL, or NULL if none is known. 0; -EINVAL with *ret_why (malloc'd) naming
 * file, key and reason, also for what needs a certificate, a client assertion or a Cloud
 * Connector; -ENOMEM.
 */
_must_check_ int token_request_build(const struct properties *p, const char *tenant,
    struct token_request *ret, char **ret_why);
