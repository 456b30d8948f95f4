/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a Destination service is asked (SAP: "Calling the Destination Service REST API"):
 *
 *   GET <uri>/destination-configuration/v1/destinations/<name>           no level given
 *   GET <uri>/destination-configuration/v2/destinations/<name>@<level>
 *
 *   X-fragment-name      the fragments; behind each its level, "@", in v2
 *   X-fragment-optional  whether the one fragment may be missing
 *   X-chain-name, X-chain-var-<v>  a destination chain, v1 only
 *   X-tenant             for a token of a token service whose URL takes one
 *
 * `config_dir` is as config_open() takes it. Both return 0; -ENOMEM; another -errno with
 * *ret_why (malloc'd).
 */

#include "binding.h"
#include "properties.h"
#include "token-request.h"

/* The request for a destination without tokens ($skipTokenRetrieval=true). */
_must_check_ int remote_request_build(const char *config_dir, const struct binding *b,
    struct token_request *ret, char **ret_why);

/*
 * The request for its token, without the client's credential. `p` is the destination as it
 * was found. `tenant` is what tokenServiceURLType Common puts into the URL, or NULL.
 */
_must_check_ int remote_request_build_token(const char *config_dir,
    const struct binding *b, const struct properties *p, const char *tenant,
    enum grant grant, struct token_request *ret, char **ret_why);
