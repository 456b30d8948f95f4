/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From a connection's binding to the token request that its destination asks for today. */

#include "binding.h"
#include "cache.h"
#include "token-request.h"

struct remote;

/* Where destinations are. Borrowed. */
struct lookup_places {
	const char *config_dir;	     /* as config_open() takes it */
	const struct remote *remote; /* what is known of Destination services */
};

/*
 * Opens the configuration, reads maildest.conf, the destination and its secrets anew and
 * builds the request and its key. A destination of an instance must be known already
 * (remote_ask()). The client's `credential` (NULL for none) counts for the key only;
 * whether the request's grant has one is the caller's to see. 0; -ENOMEM; any other
 * -errno with *ret_why (malloc'd): what an administrator must correct.
 */
_must_check_ int lookup_request(const struct lookup_places *places,
    const struct binding *b, const char *credential, struct token_request *ret_request,
    struct cache_key *ret_key, char **ret_why);

/*
 * The same for the refresh token that came for a code (GRANT_RENEWAL), without a key:
 * what it brings belongs to the code.
 */
_must_check_ int lookup_renewal(const struct lookup_places *places,
    const struct binding *b, struct token_request *ret_request, char **ret_why);

/*
 * Whether the mail server of a caller's destination is behind the Connectivity proxy: 0 if
 * so; errors as above. What else the destination says is not looked at.
 */
_must_check_ int lookup_check_on_premise(
    const struct lookup_places *places, const struct binding *b, char **ret_why);

/* Whether a file could not be read for want of something that is not the file's fault. */
bool lookup_is_shortage(int error);
