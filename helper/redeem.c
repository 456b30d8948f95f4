/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the grants a credential stands for today, and what is kept of an answer. */

#include "redeem.h"

#include <errno.h>
#include <string.h>

#include "reason.h"

/* A code without a record: it is noted first, then posted. 0 or -errno. */
static int use_code(struct rotation *rotation, struct cache_entry *e,
    struct token_request *request, char **ret_why)
{
	int r;

	r = token_request_add_credential(request, secret_str(cache_entry_credential(e)));
	if (r < 0)
		return r;
	r = rotation_keep(rotation, e, "");
	return r == 0 ? 0 : reason_set(ret_why, r, "the code could not be noted");
}

/* Whether both go to one token service for one client. */
static bool has_same_endpoint(
    const struct token_request *a, const struct token_request *b)
{
	unsigned char first[DIGEST_SHA256_SIZE], second[DIGEST_SHA256_SIZE];

	return token_request_endpoint(a, first) == 0 &&
	       token_request_endpoint(b, second) == 0 &&
	       memcmp(first, second, sizeof(first)) == 0;
}

/* A code that has been posted: what came for it, if anything did. */
static int renew_code(const struct lookup_places *places, const struct cache_entry *e,
    const struct secret *token, struct token_request *request, char **ret_why)
{
	_cleanup_token_request_ struct token_request renewal = {0};
	int r;

	if (token->len == 0)
		return reason_set(ret_why, -EKEYREVOKED,
		    "the code has been used, and there is no refresh token to renew what "
		    "it brought");
	r = lookup_renewal(places, cache_entry_binding(e), &renewal, ret_why);
	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;
	if (!has_same_endpoint(&renewal, request))
		return reason_set(ret_why, -EAGAIN,
		    "the destination has just been edited: another token service or "
		    "clientId");
	r = token_request_add_credential(&renewal, token->data);
	if (r < 0)
		return r;
	token_request_done(request);
	*request = renewal;
	renewal = (struct token_request){0};
	return 0;
}

int redeem_prepare(struct rotation *rotation, const struct lookup_places *places,
    struct cache_entry *e, struct token_request *request, char **ret_why)
{
	const struct secret *own = cache_entry_credential(e);
	_cleanup_secret_ struct secret token = {0};
	int r;

	if (own->len == 0)
		return -ENOMEM; /* that is why it was not kept */
	r = rotation_load(rotation, e, &token, ret_why);
	if (r < 0)
		return r == -EBADMSG ? -EKEYREJECTED : r;
	if (request->grant != GRANT_AUTHORIZATION_CODE)
		return token_request_add_credential(
		    request, token.len > 0 ? token.data : own->data);
	if (r > 0)
		return renew_code(places, e, &token, request, ret_why);
	return use_code(rotation, e, request, ret_why);
}

/* A new refresh token is kept, also when the access token beside it is of no use. */
static void keep(struct rotation *rotation, struct cache_entry *e,
    const struct token_request *request, const struct token_reply *token)
{
	bool is_new =
	    token->refresh_token.len > 0 &&
	    (request->grant == GRANT_AUTHORIZATION_CODE ||
		strcmp(token->refresh_token.data, secret_str(&request->credential)) != 0);

	if (is_new)
		/* there is no other place */
		(void)rotation_keep(rotation, e, token->refresh_token.data);
	else
		rotation_use(rotation, e);
}

/*
 * Whether a code that brought nothing may still be one: it was not sent, or was refused
 * in words.
 */
static bool is_untouched(const struct fetch_reply *reply, const struct token_reply *token)
{
	return !reply->was_sent ||
	       (!reply->failure && token->kind == TOKEN_REPLY_REFUSED);
}

enum redeemed redeem_settle(struct rotation *rotation, struct cache_entry *e,
    const struct fetch_reply *reply, const struct token_reply *token)
{
	bool has_token = !reply->failure && token->kind == TOKEN_REPLY_TOKEN;

	if (has_token || token->refresh_token.len > 0)
		keep(rotation, e, reply->request, token);
	if (has_token)
		return REDEEMED;
	if (reply->request->grant != GRANT_AUTHORIZATION_CODE)
		return REDEEM_UNCHANGED;
	if (!is_untouched(reply, token))
		return REDEEM_LOST;
	rotation_forget(rotation, e);
	return REDEEM_UNCHANGED;
}
