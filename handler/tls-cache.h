/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * TLS contexts made before the processes that use them: one for each policy, shared by
 * the services that have it, kept while one of them does. A fork inherits them; what it
 * finds there it may use and not change.
 */

#include "digest.h"
#include "tls-context.h"

struct tls_cached {
	struct tls_cached *next;
	unsigned char policy[DIGEST_SHA256_SIZE]; /* tls_policy_digest() */
	struct tls_context *context;
	unsigned users;
};

struct tls_cache {
	struct tls_cached *first; /* owned */
};

void tls_cache_done(struct tls_cache *c);

/* The context for a policy, borrowed from the cache; NULL if it has none. */
struct tls_context *tls_cache_find(
    const struct tls_cache *c, const unsigned char policy[DIGEST_SHA256_SIZE]);

/*
 * Makes *user, NULL at first, refer to the context for a policy, which is loaded if the
 * cache has none; what it referred to before goes if nobody else does. Arguments and
 * errors are those of tls_context_new(); on failure *user is NULL.
 */
_must_check_ int tls_cache_use(struct tls_cache *c, struct tls_cached **user,
    const struct config *config, const struct settings *settings,
    const struct tls_trust *trust, const char *host, char **ret_why);

/* Makes *user refer to none. */
void tls_cache_leave(struct tls_cache *c, struct tls_cached **user);
