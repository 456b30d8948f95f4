/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the broker's as reasons of another request's failure. */

#include "want.h"

#include <errno.h>
#include <stdio.h>

#define REFUSED_TWICE \
	"refused a fresh token too; another is not asked for within a minute"

static int print(enum want want, const struct token_request *request,
    const struct cache_answer *answer, char **ret)
{
	const char *reason = answer->reason ? answer->reason : "no token could be had";
	bool refused = answer->verdict == CACHE_IDENTITY_REFUSED;

	switch (want) {
	case WANT_ASSERTION:
		return asprintf(ret, "no client assertion from destination '%s': %s",
		    request->assertion_provider, reason);
	case WANT_JWT:
		if (refused)
			return asprintf(ret, "the Connectivity proxy " REFUSED_TWICE);
		return asprintf(ret, "no token for the Connectivity proxy: %s", reason);
	case WANT_SERVICE_TOKEN:
		if (refused)
			return asprintf(ret, "the Destination service " REFUSED_TWICE);
		return asprintf(ret, "no token for Destination service instance '%s': %s",
		    request->instance, reason);
	}
	return -1;
}

int want_explain(enum want want, const struct token_request *request,
    const struct cache_answer *answer, char **ret)
{
	if (print(want, request, answer, ret) >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

enum cache_verdict want_verdict(enum want want, const struct cache_answer *answer)
{
	switch (answer->verdict) {
	case CACHE_DESTINATION_INVALID:
		return CACHE_DESTINATION_INVALID;
	case CACHE_REFUSED:
	case CACHE_IDENTITY_REFUSED:
		return want == WANT_SERVICE_TOKEN ? CACHE_DESTINATION_INVALID
						  : CACHE_UNAVAILABLE;
	default:
		return CACHE_UNAVAILABLE;
	}
}
