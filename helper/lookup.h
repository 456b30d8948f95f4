/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From a connection's binding to the token request that its destination asks for today. */

#include "binding.h"
#include "cache.h"
#include "token-request.h"

/*
 * Opens the configuration (`config_dir` as config_open() takes it), reads maildest.conf,
 * the destination and its secrets anew and builds the request and its key. 0; -ENOMEM;
 * any other -errno with *ret_why (malloc'd): what an administrator must correct.
 */
_must_check_ int lookup_request(const char *config_dir, const struct binding *b,
    struct token_request *ret_request, struct cache_key *ret_key, char **ret_why);

/*
 * Reads the trust anchors the request needs beyond the system's, as PEM, empty if none.
 * Apart from the above because it costs more and only a fetch needs it. Errors as above.
 */
_must_check_ int lookup_anchors(const char *config_dir,
    const struct token_request *request, struct secret *ret_pem, char **ret_why);
