/* SPDX-License-Identifier: Apache-2.0 */
/* From replies and error numbers to verdicts. */

#include "outcome.h"

#include <errno.h>
#include <string.h>

/* Such a code is not posted again as long as any code lives (RFC 6749 4.1.2). */
static bool is_refused_code(
    const struct fetch_reply *reply, const struct token_reply *token)
{
	return reply->request->grant == GRANT_AUTHORIZATION_CODE &&
	       strcmp(secret_str(&token->error), INVALID_GRANT) == 0;
}

bool outcome_judge(
    const struct fetch_reply *reply, struct token_reply *token, struct failure *f)
{
	f->http_status = reply->http_status;
	f->retry_after_usec = reply->retry_after_usec;
	f->reason = "out of memory";
	if (token_reply_parse(reply->http_status, reply->body, reply->len, token) < 0)
		return false;
	if (token->kind == TOKEN_REPLY_TOKEN)
		return true;
	if (token->kind == TOKEN_REPLY_REFUSED) {
		f->verdict = CACHE_REFUSED;
		f->retry_after_usec = is_refused_code(reply, token)
					  ? CACHE_CODE_REFUSAL_USEC
					  : 0; /* a minute */
	}
	token_request_mask(reply->request, &token->reason);
	token_request_mask(reply->request, &token->error);
	f->reason = secret_str(&token->reason);
	f->error = token->error.data;
	return false;
}

struct failure outcome_of_credential(int error, const char *why)
{
	struct failure f = {
	    .verdict = CACHE_UNAVAILABLE, .reason = why ? why : "out of memory"};

	if (error == -EINVAL)
		f.verdict = CACHE_DESTINATION_INVALID;
	if (error == -EKEYREVOKED || error == -EKEYREJECTED) {
		f.verdict = CACHE_REFUSED;
		f.error = INVALID_GRANT;
	}
	if (error == -EKEYREVOKED)
		f.retry_after_usec = CACHE_CODE_REFUSAL_USEC;
	return f;
}
