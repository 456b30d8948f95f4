/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of token services, which are anybody's: HTML error pages, tokens with line
 * breaks, "expires_in" as a string. Only a known code in "error" is a refusal for good;
 * whatever else is wrong may be right in a minute. Nothing of a body is repeated but its
 * error members.
 */

#include "token-reply.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "deadline.h"
#include "json.h"
#include "log.h"
#include "text.h"

/* A code of RFC 6749 5.2 has 22 characters at most; others are told as far as this. */
#define ERROR_CODE_MAX 64

void token_reply_done(struct token_reply *r)
{
	secret_done(&r->token);
	secret_done(&r->refresh_token);
	secret_done(&r->error);
	secret_done(&r->reason);
	*r = (struct token_reply){0};
}

static const char *const permanent_codes[] = {"access_denied", "invalid_client",
    "invalid_grant", "invalid_request", "invalid_scope", "unauthorized_client",
    "unsupported_grant_type"};

static bool is_permanent(const char *error)
{
	for (size_t i = 0; i < ELEMENTSOF(permanent_codes); i++)
		if (strcmp(permanent_codes[i], error) == 0)
			return true;
	return false;
}

const char *token_reply_find_code(const char *text)
{
	const char *first = NULL, *found = NULL, *at;

	for (size_t i = 0; i < ELEMENTSOF(permanent_codes); i++) {
		at = strstr(text, permanent_codes[i]);
		if (at && (!first || at < first)) {
			first = at;
			found = permanent_codes[i];
		}
	}
	return found;
}

/* A server that is overloaded or broken says nothing about us, whatever its body claims. */
static bool may_be_permanent(long status)
{
	return status < 500 && status != 408 && status != 429;
}

/* RFC 6750 2.1 allows less, RFC 6749 A.12 more: no space, no control character, no 8 bit. */
bool token_is_valid(const char *text)
{
	return *text && strlen(text) <= TOKEN_LENGTH_MAX && text_is_visible(text);
}

/* Seconds as a number or as a string of one; what makes no sense counts as missing. */
static uint64_t lifetime_of(struct json_value root)
{
	double sec = TOKEN_LIFETIME_DEFAULT_SEC;
	struct json_value v;
	const char *text;
	char *end;

	text = json_find(root, "expires_in", &v) ? json_text(v) : NULL;
	if (text && *text && strspn(text, "0123456789.eE+-") == strlen(text)) {
		sec = strtod(text, &end);
		if (*end || !isfinite(sec) || sec < 1)
			sec = TOKEN_LIFETIME_DEFAULT_SEC;
	}
	if (sec > TOKEN_LIFETIME_MAX_SEC)
		sec = TOKEN_LIFETIME_MAX_SEC;
	return (uint64_t)sec * USEC_PER_SEC;
}

/* The token of a well-formed reply, or NULL with the reason why it is of no use. */
static int find_token(struct json_value object, const struct token_reply_names *names,
    struct secret *reason, const char **ret)
{
	struct json_value v;
	const char *token, *type;

	*ret = NULL;
	if (!json_find(object, names->token, &v))
		return secret_printf(reason, "the reply has no %s", names->token);
	token = json_string(v);
	if (!token || !token_is_valid(token))
		return secret_printf(reason,
		    "the reply's %s is empty, too long or has characters no token may "
		    "have",
		    names->token);
	if (json_find(object, names->type, &v) && json_type(v) != JSON_NULL) {
		type = json_string(v);
		if (!type || strcasecmp(type, "Bearer") != 0)
			return secret_printf(
			    reason, "the reply's %s is not Bearer", names->type);
	}
	*ret = token;
	return 0;
}

static int set_error(struct json_value root, struct token_reply *reply)
{
	struct json_value v;
	const char *code;

	code = json_find(root, "error", &v) ? json_string(v) : NULL;
	if (!code)
		return 0;
	return log_quote(&reply->error, code, strnlen(code, ERROR_CODE_MAX));
}

/* RFC 6749 A.17: with anything else, a line break say, it could not go back as it came. */
static bool is_refresh_token(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text >= 0x7f)
			return false;
	return true;
}

static int set_refresh_token(struct json_value root, struct token_reply *reply)
{
	struct json_value v;
	const char *token;

	token = json_find(root, "refresh_token", &v) ? json_string(v) : NULL;
	if (!token || !is_refresh_token(token))
		return 0;
	return secret_puts(&reply->refresh_token, token);
}

/* "HTTP status 400, error 'invalid_client' (the description)" */
static int describe_error(long status, struct json_value root, struct token_reply *reply)
{
	_cleanup_secret_ struct secret text = {0};
	struct json_value v;
	const char *more;
	int r;

	more = json_find(root, "error_description", &v) ? json_string(v) : NULL;
	r = more ? log_quote(&text, more, strlen(more)) : 0;
	if (r < 0)
		return r;
	return secret_printf(&reply->reason, "HTTP status %ld, error '%s'%s%s%s", status,
	    secret_str(&reply->error), text.len > 0 ? " (" : "", secret_str(&text),
	    text.len > 0 ? ")" : "");
}

int token_reply_take(struct json_value object, const struct token_reply_names *names,
    struct token_reply *reply)
{
	const char *token = NULL;
	int r;

	r = set_refresh_token(object, reply);
	if (r == 0)
		r = find_token(object, names, &reply->reason, &token);
	if (r < 0 || !token)
		return r;
	r = secret_puts(&reply->token, token);
	if (r < 0)
		return r;
	reply->kind = TOKEN_REPLY_TOKEN;
	reply->lifetime_usec = lifetime_of(object);
	return 0;
}

static int judge_object(long status, struct json_value root, struct token_reply *reply)
{
	static const struct token_reply_names names = {
	    .token = "access_token", .type = "token_type"};
	int r;

	r = set_error(root, reply);
	if (r < 0)
		return r;
	if (reply->error.len > 0) {
		if (is_permanent(reply->error.data) && may_be_permanent(status))
			reply->kind = TOKEN_REPLY_REFUSED;
		return describe_error(status, root, reply);
	}
	if (status != 200)
		return secret_printf(&reply->reason, "HTTP status %ld", status);
	return token_reply_take(root, &names, reply);
}

int token_reply_parse(
    long http_status, const char *body, size_t len, struct token_reply *ret)
{
	_cleanup_token_reply_ struct token_reply reply = {.kind = TOKEN_REPLY_TEMPORARY};
	_cleanup_json_ struct json *json = NULL;
	int r;

	r = json_parse(body ? body : "", len, &json, NULL);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && json_type(json_root(json)) == JSON_OBJECT)
		r = judge_object(http_status, json_root(json), &reply);
	else if (http_status >= 300 && http_status < 400)
		r = secret_printf(&reply.reason,
		    "HTTP status %ld: redirects are not followed", http_status);
	else
		r = secret_printf(
		    &reply.reason, "HTTP status %ld, no JSON object", http_status);
	if (r < 0)
		return r;
	*ret = reply;
	reply = (struct token_reply){0};
	return 0;
}
