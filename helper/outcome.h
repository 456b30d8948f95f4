/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Within broker.c's job: how a fetch failed, in all that is needed to remember, tell and
 * record it. Pure.
 */

#include "cache.h"
#include "fetch.h"
#include "token-reply.h"

/* What RFC 6749 5.2 says of a code or refresh token that is none (any more). */
#define INVALID_GRANT "invalid_grant"

/* Strings borrowed. */
struct failure {
	enum cache_verdict verdict;
	const char *host;  /* NULL if nobody was asked */
	long http_status;  /* 0 if there was no reply */
	const char *error; /* RFC 6749's code, or NULL */
	const char *reason;
	uint64_t retry_after_usec; /* as cache_settle_failure() takes it */
};

/*
 * Judges a reply that is no failure itself. True if `token` has a token now; else *f says
 * what went wrong, with strings of `token`.
 */
bool outcome_judge(
    const struct fetch_reply *reply, struct token_reply *token, struct failure *f);

/* What an -errno of redeem_prepare()'s comes to. `why` may be NULL. */
struct failure outcome_of_credential(int error, const char *why);
