/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of Destination services, good, bad and malicious. */

#include "find-reply.h"

#include <string.h>

#include "check-program.h"
#include "deadline.h"

#define FOUND_TEXT(inner) "{\"destinationConfiguration\":{" inner "}}"

static void parse(long status, const char *body, struct find_reply *ret)
{
	ck_assert_int_eq(find_reply_parse(status, body, strlen(body), ret), 0);
}

START_TEST(test_destinations)
{
	static const struct {
		const char *label, *body, *destination;
	} rows[] = {
	    {"plain", FOUND_TEXT("\"Name\":\"a\",\"b\":\"c\""),
		"{\"Name\":\"a\",\"b\":\"c\"}"},
	    {"nothing", FOUND_TEXT(""), "{}"},
	    {"numbers and booleans become text",
		FOUND_TEXT("\"a\":587,\"b\":true,\"c\":1.5"),
		"{\"a\":\"587\",\"b\":\"true\",\"c\":\"1.5\"}"},
	    {"null, lists and objects are left out",
		FOUND_TEXT(
		    "\"a\":null,\"b\":[1],\"$metadata\":{\"Name\":\"x\"},\"c\":\"\""),
		"{\"c\":\"\"}"},
	    {"escapes", FOUND_TEXT("\"a\\u0062\":\"\\\"\\n\\u00e4\""),
		"{\"ab\":\"\\\"\\u000a\xc3\xa4\"}"},
	    {"what stands around it",
		"{\"owner\":{},\"authTokens\":[{\"error\":\"x\"}],"
		"\"destinationConfiguration\":{\"a\":\"b\"},"
		"\"certificates\":[{\"TYPE\":1}],\"new\":[]}",
		"{\"a\":\"b\"}"},
	    {"a key that would be taken for what holds the others",
		FOUND_TEXT("\"a\":\"b\",\"destinationConfiguration\":\"x\""),
		"{\"a\":\"b\"}"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_find_reply_ struct find_reply r = {0};

		parse(200, rows[i].body, &r);
		ck_assert_msg(
		    r.kind == FOUND, "%s: %s", rows[i].label, secret_str(&r.reason));
		ck_assert_str_eq(secret_str(&r.destination), rows[i].destination);
	}
}
END_TEST

START_TEST(test_the_digest_is_of_the_keys_whatever_their_order)
{
	static const char *const same[] = {FOUND_TEXT("\"a\":\"1\",\"b\":\"2\""),
	    FOUND_TEXT("\"b\":\"2\",\"$m\":{\"z\":1},\"a\":1")};
	static const char *const others[] = {FOUND_TEXT("\"a\":\"2\",\"b\":\"1\""),
	    FOUND_TEXT("\"a\":\"1\""), FOUND_TEXT("\"a\":\"1\",\"b\":\"2\",\"c\":\"\""),
	    FOUND_TEXT("\"a\":\"1\",\"b\":\"3\"")};
	_cleanup_find_reply_ struct find_reply first = {0}, second = {0};

	parse(200, same[0], &first);
	parse(200, same[1], &second);
	ck_assert_mem_eq(first.digest, second.digest, sizeof(first.digest));
	for (size_t i = 0; i < ELEMENTSOF(others); i++) {
		_cleanup_find_reply_ struct find_reply r = {0};

		parse(200, others[i], &r);
		ck_assert_mem_ne(first.digest, r.digest, sizeof(r.digest));
	}
}
END_TEST

START_TEST(test_failures)
{
	static const struct {
		long status;
		const char *body;
		enum found kind;
		const char *reason;
	} rows[] = {
	    {400, "{\"ErrorMessage\":\"bad header\"}", FOUND_REFUSED,
		"HTTP status 400 (bad header)"},
	    {401, "", FOUND_REFUSED,
		"HTTP status 401: the Destination service does not accept our token"},
	    {403, "{}", FOUND_REFUSED,
		"HTTP status 403: our token does not entitle to the destination"},
	    {404, "{\"ErrorMessage\":1}", FOUND_NONE,
		"HTTP status 404: there is no such destination, or no such fragment or "
		"level"},
	    /* a gateway in front of a service that is away */
	    {403, "<html>", FOUND_UNAVAILABLE,
		"HTTP status 403, no JSON object: another answers in the Destination "
		"service's place"},
	    {404, "404 Not Found: Requested route does not exist.", FOUND_UNAVAILABLE,
		"HTTP status 404, no JSON object: another answers in the Destination "
		"service's place"},
	    {429, "", FOUND_UNAVAILABLE, "HTTP status 429"},
	    {500, "{\"ErrorMessage\":\"a\\nb\"}", FOUND_UNAVAILABLE,
		"HTTP status 500 (a\\x0ab)"},
	    {302, "", FOUND_UNAVAILABLE, "HTTP status 302"},
	    {200, "", FOUND_UNAVAILABLE,
		"HTTP status 200, no JSON object: line 1: is empty"},
	    {200, "[]", FOUND_UNAVAILABLE, "HTTP status 200, no JSON object"},
	    {200, "{\n\"a\":{\"b\":\"hunter2\",\n\"b\":2}}", FOUND_UNAVAILABLE,
		"HTTP status 200, no JSON object: line 2: has a key twice in the object "
		"that begins here"},
	    {200, "{}", FOUND_UNAVAILABLE, "the reply has no destinationConfiguration"},
	    {200, "{\"destinationConfiguration\":\"x\"}", FOUND_UNAVAILABLE,
		"the reply has no destinationConfiguration"},
	    /* it is only a reply if the status says so */
	    {500, FOUND_TEXT("\"a\":\"b\""), FOUND_UNAVAILABLE, "HTTP status 500"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_find_reply_ struct find_reply r = {0};

		parse(rows[i].status, rows[i].body, &r);
		ck_assert_int_eq(r.kind, rows[i].kind);
		ck_assert_str_eq(secret_str(&r.reason), rows[i].reason);
		ck_assert_uint_eq(r.destination.len, 0);
	}
}
END_TEST

#define AUTH(inner) "{\"authTokens\":[{" inner "},{\"value\":\"second\"}]}"

static void parse_token(
    long status, const char *body, enum grant grant, struct token_reply *ret)
{
	ck_assert_int_eq(
	    find_reply_parse_token(status, body, strlen(body), grant, ret), 0);
}

START_TEST(test_tokens)
{
	static const struct {
		const char *body, *token, *refresh_token;
		unsigned lifetime_sec;
	} rows[] = {
	    {AUTH("\"type\":\"Bearer\",\"value\":\"t\",\"expires_in\":\"3599\""), "t", "",
		3599},
	    {AUTH("\"type\":\"bearer\",\"value\":\"t\",\"expires_in\":60,\"error\":\"\""),
		"t", "", 60},
	    {AUTH("\"value\":\"t\",\"error\":null,\"refresh_token\":\"r\""), "t", "r",
		300},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_reply_ struct token_reply r = {0};

		parse_token(200, rows[i].body, GRANT_REFRESH_TOKEN, &r);
		ck_assert_int_eq(r.kind, TOKEN_REPLY_TOKEN);
		ck_assert_str_eq(secret_str(&r.token), rows[i].token);
		ck_assert_str_eq(secret_str(&r.refresh_token), rows[i].refresh_token);
		ck_assert_uint_eq(r.lifetime_usec, rows[i].lifetime_sec * USEC_PER_SEC);
	}
}
END_TEST

START_TEST(test_errors_are_no_tokens)
{
	static const struct {
		long status;
		const char *body;
		enum grant grant;
		const char *error; /* NULL: temporary */
	} rows[] = {
	    {200, AUTH("\"value\":\"t\",\"error\":\"x\""), GRANT_CLIENT_CREDENTIALS,
		NULL},
	    {200, AUTH("\"value\":\"t\",\"error\":1"), GRANT_CLIENT_CREDENTIALS, NULL},
	    {200, AUTH("\"value\":\"t\",\"error\":false"), GRANT_CLIENT_CREDENTIALS,
		NULL},
	    {200, AUTH("\"value\":\"t\",\"error\":{}"), GRANT_CLIENT_CREDENTIALS, NULL},
	    {200, AUTH("\"value\":\"t\",\"error\":[]"), GRANT_REFRESH_TOKEN, NULL},
	    {200, AUTH("\"value\":\"t\",\"error\":{\"a\":\"b\"}"), GRANT_RENEWAL,
		"invalid_grant"},
	    {200,
		AUTH("\"value\":\"\",\"error\":\"got "
		     "{\\\"error\\\":\\\"invalid_grant\\\"}\""),
		GRANT_REFRESH_TOKEN, "invalid_grant"},
	    {200, AUTH("\"error\":\"invalid_client, not invalid_grant\""),
		GRANT_AUTHORIZATION_CODE, "invalid_client"},
	    {200, AUTH("\"error\":\"no such thing\""), GRANT_RENEWAL, "invalid_grant"},
	    {200, AUTH(""), GRANT_CLIENT_CREDENTIALS, NULL},
	    {200, AUTH("\"value\":\"a b\""), GRANT_CLIENT_CREDENTIALS, NULL},
	    {200, AUTH("\"value\":\"t\",\"type\":\"Basic\""), GRANT_CLIENT_CREDENTIALS,
		NULL},
	    {200, "{\"authTokens\":[]}", GRANT_CLIENT_CREDENTIALS, NULL},
	    {200, "{\"authTokens\":[\"t\"]}", GRANT_CLIENT_CREDENTIALS, NULL},
	    {200, "{\"authTokens\":{}}", GRANT_CLIENT_CREDENTIALS, NULL},
	    {200, "{}", GRANT_RENEWAL, NULL},
	    {400, "{\"ErrorMessage\":\"X-code is missing\"}", GRANT_RENEWAL,
		"invalid_grant"},
	    {400, "{\"ErrorMessage\":\"X-code is missing\"}", GRANT_AUTHORIZATION_CODE,
		NULL},
	    {403, "{\"ErrorMessage\":\"access_denied\"}", GRANT_CLIENT_CREDENTIALS,
		"access_denied"},
	    {401, "{\"ErrorMessage\":\"invalid_grant\"}", GRANT_REFRESH_TOKEN, NULL},
	    {500, "{\"ErrorMessage\":\"invalid_grant\"}", GRANT_REFRESH_TOKEN, NULL},
	    {500, AUTH("\"value\":\"t\""), GRANT_CLIENT_CREDENTIALS, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_reply_ struct token_reply r = {0};

		parse_token(rows[i].status, rows[i].body, rows[i].grant, &r);
		ck_assert_msg(r.kind == (rows[i].error ? TOKEN_REPLY_REFUSED
						       : TOKEN_REPLY_TEMPORARY),
		    "%s", rows[i].body);
		ck_assert_str_eq(
		    secret_str(&r.error), rows[i].error ? rows[i].error : "");
		ck_assert_uint_eq(r.token.len, 0);
		ck_assert_uint_gt(r.reason.len, 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {test_destinations,
	    test_the_digest_is_of_the_keys_whatever_their_order, test_failures,
	    test_tokens, test_errors_are_no_tokens};

	return check_program("find-reply", tests, ELEMENTSOF(tests));
}
