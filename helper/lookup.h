/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From a connection's binding to the token request that its destination asks for today. */

#include "binding.h"
#include "cache.h"
#include "token-request.h"

/*
 * Opens the configuration (`config_dir` as config_open() takes it), reads maildest.conf,
 * the destination and its secrets anew and builds the request and its key. The client's
 * `credential` (NULL for none) counts for the key only; whether the request's grant has
 * one is the caller's to see. 0; -ENOMEM; any other -errno with *ret_why (malloc'd): what
 * an administrator must correct.
 */
_must_check_ int lookup_request(const char *config_dir, const struct binding *b,
    const char *credential, struct token_request *ret_request, struct cache_key *ret_key,
    char **ret_why);

/*
 * The same for the refresh token that came for a code (GRANT_RENEWAL), without a key:
 * what it brings belongs to the code.
 */
_must_check_ int lookup_renewal(const char *config_dir, const struct binding *b,
    struct token_request *ret_request, char **ret_why);

/* Whether a file could not be read for want of something that is not the file's fault. */
bool lookup_is_shortage(int error);
