/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the broker's as reasons of another request's failure. */

#include "want.h"

#include <string.h>

#include "text.h"

#define REFUSED_TWICE \
	"refused a fresh token too; another is not asked for within a minute"

char *want_explain(enum want want, const struct token_request *request,
    const struct cache_answer *answer)
{
	const char *reason = answer->reason ? answer->reason : "no token could be had";
	bool refused = answer->verdict == CACHE_IDENTITY_REFUSED;

	switch (want) {
	case WANT_ASSERTION:
		return text_format("no client assertion from destination '%s': %s",
		    request->assertion_provider, reason);
	case WANT_JWT:
		if (refused)
			return strdup("the Connectivity proxy " REFUSED_TWICE);
		return text_format("no token for the Connectivity proxy: %s", reason);
	case WANT_SERVICE_TOKEN:
		if (refused)
			return strdup("the Destination service " REFUSED_TWICE);
		return text_format("no token for Destination service instance '%s': %s",
		    request->instance, reason);
	}
	return NULL;
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
