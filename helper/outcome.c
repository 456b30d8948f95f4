/* SPDX-License-Identifier: Apache-2.0 */
/* From replies and error numbers to verdicts. */

#include "outcome.h"

#include <errno.h>
#include <string.h>

#include "find-reply.h"

/* Such a code is not posted again as long as any code lives (RFC 6749 4.1.2). */
static bool is_refused_code(
    const struct fetch_reply *reply, const struct token_reply *token)
{
	return reply->request->grant == GRANT_AUTHORIZATION_CODE &&
	       strcmp(secret_str(&token->error), INVALID_GRANT) == 0;
}

/* SAP's reading of what the XSUAA of a subscriber says of its own host name. */
static const char *subscriber_words(const struct fetch_reply *reply)
{
	if (!reply->request->subscriber)
		return NULL;
	if (reply->http_status == 404)
		return "unknown tenant: there is none with that subdomain";
	if (reply->http_status == 401)
		return "tenant not subscribed: it exists, but has no subscription to the "
		       "provider's application (or the service key is not the "
		       "provider's)";
	return NULL;
}

/* An administrator has to act, whatever else the reply says: 0 or -ENOMEM. */
static int judge_subscriber(const struct fetch_reply *reply, struct token_reply *token)
{
	const char *words = subscriber_words(reply);
	_cleanup_secret_ struct secret reason = {0};
	int r;

	if (!words || token->kind == TOKEN_REPLY_TOKEN)
		return 0;
	r = secret_printf(&reason, "tenant '%s': %s (%s)", reply->request->subscriber,
	    words, secret_str(&token->reason));
	if (r < 0)
		return r;
	secret_done(&token->reason);
	token->reason = reason;
	reason = (struct secret){0};
	token->kind = TOKEN_REPLY_REFUSED;
	return token->error.len > 0 ? 0 : secret_puts(&token->error, "access_denied");
}

static int parse(const struct fetch_reply *reply, struct token_reply *token)
{
	int r;

	if (reply->request->instance)
		return find_reply_parse_token(reply->http_status, reply->body, reply->len,
		    reply->request->grant, token);
	r = token_reply_parse(reply->http_status, reply->body, reply->len, token);
	return r < 0 ? r : judge_subscriber(reply, token);
}

bool outcome_judge(
    const struct fetch_reply *reply, struct token_reply *token, struct failure *f)
{
	f->http_status = reply->http_status;
	f->retry_after_usec = reply->retry_after_usec;
	f->reason = "out of memory";
	if (parse(reply, token) < 0)
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
