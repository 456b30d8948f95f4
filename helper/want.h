/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within errand.c's job: tokens that a fetch needs before it, and what it is to have none. Pure. */

#include "cache.h"
#include "token-request.h"

enum want {
	WANT_ASSERTION,
	WANT_JWT,	    /* for the Connectivity proxy */
	WANT_SERVICE_TOKEN, /* for a Destination service */
};

/* Why a request cannot be sent, the broker having answered so: malloc'd; NULL without memory. */
char *want_explain(enum want want, const struct token_request *request,
    const struct cache_answer *answer);

/* What that is to whoever wanted it to be sent: who has to act, or that nobody has. */
enum cache_verdict want_verdict(enum want want, const struct cache_answer *answer);
