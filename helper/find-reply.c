/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of Destination services. Nothing of a body is repeated but its error messages. */

#include "find-reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json-writer.h"
#include "json.h"
#include "log.h"

/* The member of a reply that is the destination. */
#define DESTINATION "destinationConfiguration"

void find_reply_done(struct find_reply *r)
{
	secret_done(&r->destination);
	secret_done(&r->reason);
	free(r->name);
	*r = (struct find_reply){0};
}

/*
 * Whether a status is the service's answer to what was asked, and not its own trouble. It
 * answers in JSON; a gateway in front of a service that is away says 403 and 404 in HTML.
 */
static bool is_refusal(long status, const struct json *json)
{
	return status == 400 || status == 401 ||
	       (json && (status == 403 || status == 404));
}

static const char *words_of(long status, const struct json *json)
{
	if (!json && status == 200)
		return ", no JSON object";
	if (!json && (status == 403 || status == 404))
		return ", no JSON object: another answers in the Destination service's "
		       "place";
	switch (status) {
	case 401:
		return ": the Destination service does not accept our token";
	case 403:
		return ": our token does not entitle to the destination";
	case 404:
		return ": there is no such destination, or no such fragment or level";
	}
	return "";
}

/* Why a reply that should be good cannot be read; never what it contains. */
static int describe_damage(
    long status, const struct json_error *error, struct secret *out)
{
	if (status != 200 || !error->reason)
		return 0;
	return secret_printf(out, ": line %u: %s", error->line, error->reason);
}

/* "HTTP status 404: there is no such destination (what the service says)" */
static int describe(long status, const struct json *json, const struct json_error *error,
    struct secret *out)
{
	_cleanup_secret_ struct secret text = {0};
	const char *message = NULL;
	struct json_value v;
	int r = 0;

	if (json && json_find(json_root(json), "ErrorMessage", &v))
		message = json_string(v);
	if (message)
		r = log_quote(&text, message, strlen(message));
	if (r < 0)
		return r;
	r = secret_printf(out, "HTTP status %ld%s%s%s%s", status, words_of(status, json),
	    text.len > 0 ? " (" : "", secret_str(&text), text.len > 0 ? ")" : "");
	return r < 0 ? r : describe_damage(status, error, out);
}

/* The object a reply consists of: NULL if it is none, perhaps with *ret_error. -ENOMEM. */
static int parse_object(
    const char *body, size_t len, struct json **ret, struct json_error *ret_error)
{
	_cleanup_json_ struct json *json = NULL;
	int r;

	*ret = NULL;
	*ret_error = (struct json_error){0};
	r = json_parse(body ? body : "", len, &json, ret_error);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && json_type(json_root(json)) == JSON_OBJECT)
		*ret = TAKE_PTR(json);
	return 0;
}

/* Adds one key to a sum that does not depend on their order. */
static int add_to_digest(
    const char *key, const char *value, unsigned char sum[DIGEST_SHA256_SIZE])
{
	unsigned char digest[DIGEST_SHA256_SIZE];
	_cleanup_secret_ struct secret pair = {0};
	int r;

	r = secret_append(&pair, key, strlen(key) + 1);
	if (r == 0)
		r = secret_puts(&pair, value);
	if (r == 0)
		r = digest_sha256(pair.data, pair.len, digest);
	for (size_t i = 0; i < sizeof(digest) && r == 0; i++)
		sum[i] ^= digest[i];
	return r;
}

/* Which destination it says that it is. */
static int take_name(struct json_value object, struct find_reply *reply)
{
	struct json_value v;

	if (!json_find(object, "Name", &v) || !json_text(v))
		return 0;
	reply->name = strdup(json_text(v));
	return reply->name ? 0 : -ENOMEM;
}

/*
 * The keys as strings; a list or an object ("$metadata") is nothing to us, nor is a key by
 * whose name properties_add() would take its value for the destination.
 */
static int take_destination(struct json_value object, struct find_reply *reply)
{
	struct json_writer w = {.out = &reply->destination};
	const char *key, *text;
	struct json_value v;
	int position = 0, r = 0;

	json_writer_open(&w, NULL, '{');
	while (r == 0 && json_next_member(object, &position, &key, &v)) {
		text = json_text(v);
		if (!text || strcmp(key, DESTINATION) == 0)
			continue;
		json_writer_string(&w, key, text);
		r = add_to_digest(key, text, reply->digest);
	}
	json_writer_close(&w, '}');
	return r < 0 ? r : json_writer_end(&w);
}

static enum found kind_of(long status, const struct json *json)
{
	if (!is_refusal(status, json))
		return FOUND_UNAVAILABLE;
	return status == 404 ? FOUND_NONE : FOUND_REFUSED;
}

int find_reply_parse(
    long http_status, const char *body, size_t len, struct find_reply *ret)
{
	_cleanup_find_reply_ struct find_reply reply = {0};
	_cleanup_json_ struct json *json = NULL;
	struct json_error error;
	struct json_value inner;
	int r;

	r = parse_object(body, len, &json, &error);
	if (r < 0)
		return r;
	reply.kind = kind_of(http_status, json);
	if (http_status != 200 || !json) {
		r = describe(http_status, json, &error, &reply.reason);
	} else if (!json_find(json_root(json), DESTINATION, &inner) ||
		   json_type(inner) != JSON_OBJECT) {
		r = secret_puts(
		    &reply.reason, "the reply has no destinationConfiguration");
	} else {
		reply.kind = FOUND;
		r = take_destination(inner, &reply);
		if (r == 0)
			r = take_name(inner, &reply);
	}
	if (r < 0)
		return r;
	*ret = reply;
	reply = (struct find_reply){0};
	return 0;
}

/* Whether whoever presented the credential is to be told that it is no good. */
static const char *refusal_of(const char *text, enum grant grant)
{
	const char *code = token_reply_find_code(text);

	return !code && grant == GRANT_RENEWAL ? "invalid_grant" : code;
}

/* A refusal for good, if it can be told from what the service says, or a temporary failure. */
static int refuse(
    const char *text, enum grant grant, const char *reason, struct token_reply *reply)
{
	const char *code = refusal_of(text, grant);
	int r;

	reply->kind = code ? TOKEN_REPLY_REFUSED : TOKEN_REPLY_TEMPORARY;
	r = code ? secret_puts(&reply->error, code) : 0;
	return r < 0 ? r : secret_puts(&reply->reason, reason);
}

static int take_error(const char *error, enum grant grant, struct token_reply *reply)
{
	_cleanup_secret_ struct secret text = {0}, reason = {0};
	int r;

	r = log_quote(&text, error, strlen(error));
	if (r == 0)
		r = secret_printf(&reason, "the Destination service got no token: %s",
		    secret_str(&text));
	return r < 0 ? r : refuse(error, grant, reason.data, reply);
}

/* Whether an element says of an error: absent, null and "" are none, all else is one. */
static const char *error_of(struct json_value element)
{
	const char *text;
	struct json_value v;

	if (!json_find(element, "error", &v) || json_type(v) == JSON_NULL)
		return NULL;
	text = json_text(v);
	if (!text)
		return "an error that is no text";
	return *text ? text : NULL;
}

/* The first element of "authTokens" is the one of the destination's authentication. */
static int take_token(struct json_value root, enum grant grant, struct token_reply *reply)
{
	static const struct token_reply_names names = {.token = "value", .type = "type"};
	struct json_value list, element;
	int position = 0;
	const char *error;

	if (!json_find(root, "authTokens", &list) || json_type(list) != JSON_ARRAY ||
	    !json_next_element(list, &position, &element) ||
	    json_type(element) != JSON_OBJECT)
		return secret_puts(&reply->reason, "the reply has no authTokens");
	error = error_of(element);
	if (error)
		return take_error(error, grant, reply);
	return token_reply_take(element, &names, reply);
}

/* The status alone decides, unless the service says what the token service has said. */
static int take_status(long status, const struct json *json,
    const struct json_error *error, enum grant grant, struct token_reply *reply)
{
	_cleanup_secret_ struct secret reason = {0};
	struct json_value v;
	const char *text = NULL;
	int r;

	r = describe(status, json, error, &reason);
	if (r < 0)
		return r;
	if (json && json_find(json_root(json), "ErrorMessage", &v))
		text = json_string(v);
	if (is_refusal(status, json) && status != 401)
		return refuse(text ? text : "", grant, reason.data, reply);
	return secret_puts(&reply->reason, reason.data);
}

int find_reply_parse_token(long http_status, const char *body, size_t len,
    enum grant grant, struct token_reply *ret)
{
	_cleanup_token_reply_ struct token_reply reply = {.kind = TOKEN_REPLY_TEMPORARY};
	_cleanup_json_ struct json *json = NULL;
	struct json_error error;
	int r;

	r = parse_object(body, len, &json, &error);
	if (r < 0)
		return r;
	if (http_status == 200 && json)
		r = take_token(json_root(json), grant, &reply);
	else
		r = take_status(http_status, json, &error, grant, &reply);
	if (r < 0)
		return r;
	*ret = reply;
	reply = (struct token_reply){0};
	return 0;
}
