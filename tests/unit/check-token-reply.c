/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of token services, good, bad and malicious. */

#include "token-reply.h"

#include <string.h>

#include "check-program.h"
#include "deadline.h"

START_TEST(test_tokens)
{
	static const struct {
		const char *label, *body, *token;
		unsigned lifetime_sec;
	} rows[] = {
	    {"plain",
		"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
		"t", 3600},
	    {"type in another case", "{\"access_token\":\"t\",\"token_type\":\"bEARER\"}",
		"t", 300},
	    {"no type, nothing else", "{\"access_token\":\"t\"}", "t", 300},
	    {"members we do not know",
		"{\"x\":[1,{}],\"access_token\":\"t\",\"scope\":\"\"}", "t", 300},
	    {"null members",
		"{\"access_token\":\"t\",\"token_type\":null,\"expires_in\":null,"
		"\"error\":null}",
		"t", 300},
	    {"a string", "{\"access_token\":\"t\",\"expires_in\":\"120\"}", "t", 120},
	    {"a fraction", "{\"access_token\":\"t\",\"expires_in\":119.9}", "t", 119},
	    {"an exponent", "{\"access_token\":\"t\",\"expires_in\":1.2e2}", "t", 120},
	    {"more than a day", "{\"access_token\":\"t\",\"expires_in\":86401}", "t",
		86400},
	    {"for ever", "{\"access_token\":\"t\",\"expires_in\":1e308}", "t", 86400},
	    {"beyond numbers", "{\"access_token\":\"t\",\"expires_in\":1e999}", "t", 300},
	    {"zero", "{\"access_token\":\"t\",\"expires_in\":0}", "t", 300},
	    {"negative", "{\"access_token\":\"t\",\"expires_in\":-1}", "t", 300},
	    {"words", "{\"access_token\":\"t\",\"expires_in\":\"soon\"}", "t", 300},
	    {"infinity", "{\"access_token\":\"t\",\"expires_in\":\"inf\"}", "t", 300},
	    {"hexadecimal", "{\"access_token\":\"t\",\"expires_in\":\"0x100\"}", "t",
		300},
	    {"an array", "{\"access_token\":\"t\",\"expires_in\":[1]}", "t", 300},
	    {"every character of RFC 6750", "{\"access_token\":\"aZ09-._~+/==\"}",
		"aZ09-._~+/==", 300},
	    {"escapes", "{\"access_token\":\"\\u0074\\/\"}", "t/", 300},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_reply_ struct token_reply r = {0};

		ck_assert_int_eq(
		    token_reply_parse(200, rows[i].body, strlen(rows[i].body), &r), 0);
		ck_assert_msg(r.kind == TOKEN_REPLY_TOKEN, "%s: %s", rows[i].label,
		    secret_str(&r.reason));
		ck_assert_str_eq(secret_str(&r.token), rows[i].token);
		ck_assert_msg(r.lifetime_usec == rows[i].lifetime_sec * USEC_PER_SEC,
		    "%s: %llu", rows[i].label, (unsigned long long)r.lifetime_usec);
	}
}
END_TEST

START_TEST(test_failures)
{
	static const struct {
		const char *label;
		long status;
		const char *body;
		enum token_reply_kind kind;
		const char *error, *reason;
	} rows[] = {
	    {"invalid_client", 401, "{\"error\":\"invalid_client\"}", TOKEN_REPLY_REFUSED,
		"invalid_client", "HTTP status 401, error 'invalid_client'"},
	    {"with a description", 400,
		"{\"error\":\"invalid_scope\",\"error_description\":\"no\\n\\u001b[1m "
		"such\"}",
		TOKEN_REPLY_REFUSED, "invalid_scope",
		"HTTP status 400, error 'invalid_scope' (no\\x0a\\x1b[1m such)"},
	    {"an error with status 200", 200, "{\"error\":\"invalid_grant\"}",
		TOKEN_REPLY_REFUSED, "invalid_grant",
		"HTTP status 200, error 'invalid_grant'"},
	    {"an error beside a token", 200,
		"{\"error\":\"access_denied\",\"access_token\":\"t\"}",
		TOKEN_REPLY_REFUSED, "access_denied",
		"HTTP status 200, error 'access_denied'"},
	    {"another error", 400, "{\"error\":\"server_error\"}", TOKEN_REPLY_TEMPORARY,
		"server_error", "HTTP status 400, error 'server_error'"},
	    {"a known error in another case", 400, "{\"error\":\"Invalid_Client\"}",
		TOKEN_REPLY_TEMPORARY, "Invalid_Client",
		"HTTP status 400, error 'Invalid_Client'"},
	    {"a known error of a broken server", 500, "{\"error\":\"invalid_client\"}",
		TOKEN_REPLY_TEMPORARY, "invalid_client",
		"HTTP status 500, error 'invalid_client'"},
	    {"a known error of a busy server", 429, "{\"error\":\"invalid_request\"}",
		TOKEN_REPLY_TEMPORARY, "invalid_request",
		"HTTP status 429, error 'invalid_request'"},
	    {"an error that is no string", 400, "{\"error\":{\"code\":1}}",
		TOKEN_REPLY_TEMPORARY, "", "HTTP status 400"},
	    {"a token with status 201", 201, "{\"access_token\":\"t\"}",
		TOKEN_REPLY_TEMPORARY, "", "HTTP status 201"},
	    {"HTML", 500, "<html>secret</html>", TOKEN_REPLY_TEMPORARY, "",
		"HTTP status 500, no JSON object"},
	    {"nothing", 200, "", TOKEN_REPLY_TEMPORARY, "",
		"HTTP status 200, no JSON object"},
	    {"an array", 200, "[]", TOKEN_REPLY_TEMPORARY, "",
		"HTTP status 200, no JSON object"},
	    {"truncated", 200, "{\"access_token\":\"t\"", TOKEN_REPLY_TEMPORARY, "",
		"HTTP status 200, no JSON object"},
	    {"a redirect", 302, "", TOKEN_REPLY_TEMPORARY, "",
		"HTTP status 302: redirects are not followed"},
	    {"no token", 200, "{}", TOKEN_REPLY_TEMPORARY, "",
		"the reply has no access_token"},
	    {"another type", 200, "{\"access_token\":\"t\",\"token_type\":\"mac\"}",
		TOKEN_REPLY_TEMPORARY, "", "the reply's token_type is not Bearer"},
	    {"a type that is a number", 200, "{\"access_token\":\"t\",\"token_type\":1}",
		TOKEN_REPLY_TEMPORARY, "", "the reply's token_type is not Bearer"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_reply_ struct token_reply r = {0};

		ck_assert_int_eq(token_reply_parse(rows[i].status, rows[i].body,
				     strlen(rows[i].body), &r),
		    0);
		ck_assert_msg(r.kind == rows[i].kind, "%s", rows[i].label);
		ck_assert_uint_eq(r.token.len, 0);
		ck_assert_str_eq(secret_str(&r.error), rows[i].error);
		ck_assert_msg(strcmp(secret_str(&r.reason), rows[i].reason) == 0,
		    "%s: %s", rows[i].label, secret_str(&r.reason));
	}
}
END_TEST

START_TEST(test_refuses_tokens)
{
	static const char *const rows[] = {"\"\"", "\"a b\"", "\" a\"", "\"a\\n\"",
	    "\"a\\r\\nX: b\"", "\"\\u0001\"", "\"\\u007f\"", "\"\\u00e4\"", "7", "null",
	    "{}"};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_reply_ struct token_reply r = {0};
		_cleanup_secret_ struct secret body = {0};

		ck_assert_int_eq(
		    secret_printf(&body, "{\"access_token\":%s}", rows[i]), 0);
		ck_assert_int_eq(token_reply_parse(200, body.data, body.len, &r), 0);
		ck_assert_msg(r.kind == TOKEN_REPLY_TEMPORARY, "%s", rows[i]);
	}
}
END_TEST

START_TEST(test_bounds)
{
	static char body[TOKEN_LENGTH_MAX + 100];

	for (size_t more = 0; more < 2; more++) {
		_cleanup_token_reply_ struct token_reply r = {0};
		size_t n = strlen("{\"access_token\":\"");

		memcpy(body, "{\"access_token\":\"", n);
		memset(body + n, 'x', TOKEN_LENGTH_MAX + more);
		memcpy(body + n + TOKEN_LENGTH_MAX + more, "\"}", 3);
		ck_assert_int_eq(token_reply_parse(200, body, strlen(body), &r), 0);
		ck_assert_int_eq(
		    r.kind, more ? TOKEN_REPLY_TEMPORARY : TOKEN_REPLY_TOKEN);
	}
	for (size_t i = 0; i < 2; i++) {
		_cleanup_token_reply_ struct token_reply r = {0};
		_cleanup_secret_ struct secret text = {0};

		ck_assert_int_eq(secret_puts(&text, "{\"error\":\""), 0);
		for (unsigned j = 0; j < 5000; j++)
			ck_assert_int_eq(secret_puts(&text, i ? "\\u0001" : "x"), 0);
		ck_assert_int_eq(secret_puts(&text, "\"}"), 0);
		ck_assert_int_eq(token_reply_parse(400, text.data, text.len, &r), 0);
		ck_assert_uint_le(r.reason.len, 400);
	}
}
END_TEST

START_TEST(test_refresh_tokens)
{
	static const struct {
		const char *label;
		long status;
		const char *body, *refresh_token;
		enum token_reply_kind kind;
	} rows[] = {
	    {"plain", 200, "{\"access_token\":\"t\",\"refresh_token\":\"r\"}", "r",
		TOKEN_REPLY_TOKEN},
	    {"none", 200, "{\"access_token\":\"t\"}", "", TOKEN_REPLY_TOKEN},
	    {"null", 200, "{\"access_token\":\"t\",\"refresh_token\":null}", "",
		TOKEN_REPLY_TOKEN},
	    {"no text", 200, "{\"access_token\":\"t\",\"refresh_token\":7}", "",
		TOKEN_REPLY_TOKEN},
	    {"line break", 200,
		"{\"access_token\":\"t\",\"refresh_token\":\"r\\r\\nX: y\"}", "",
		TOKEN_REPLY_TOKEN},
	    {"not of ASCII", 200, "{\"access_token\":\"t\",\"refresh_token\":\"\u00e4\"}",
		"", TOKEN_REPLY_TOKEN},
	    {"a control character", 200,
		"{\"access_token\":\"t\",\"refresh_token\":\"r\\u007f\"}", "",
		TOKEN_REPLY_TOKEN},
	    {"empty", 200, "{\"access_token\":\"t\",\"refresh_token\":\"\"}", "",
		TOKEN_REPLY_TOKEN},
	    {"with spaces", 200,
		"{\"access_token\":\"t\",\"refresh_token\":\"a \\\"b\\\"\"}", "a \"b\"",
		TOKEN_REPLY_TOKEN},
	    {"beside no access token", 200, "{\"refresh_token\":\"r\"}", "r",
		TOKEN_REPLY_TEMPORARY},
	    {"beside one of no use", 200,
		"{\"access_token\":\"a b\",\"refresh_token\":\"r\"}", "r",
		TOKEN_REPLY_TEMPORARY},
	    {"beside another type", 200,
		"{\"access_token\":\"t\",\"token_type\":\"MAC\",\"refresh_token\":\"r\"}",
		"r", TOKEN_REPLY_TEMPORARY},
	    {"in a refusal", 400, "{\"error\":\"invalid_grant\",\"refresh_token\":\"r\"}",
		"", TOKEN_REPLY_REFUSED},
	    {"in a failure", 500, "{\"refresh_token\":\"r\"}", "", TOKEN_REPLY_TEMPORARY},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_reply_ struct token_reply r = {0};

		ck_assert_int_eq(token_reply_parse(rows[i].status, rows[i].body,
				     strlen(rows[i].body), &r),
		    0);
		ck_assert_msg(r.kind == rows[i].kind, "%s: kind", rows[i].label);
		ck_assert_msg(
		    strcmp(secret_str(&r.refresh_token), rows[i].refresh_token) == 0,
		    "%s: '%s'", rows[i].label, secret_str(&r.refresh_token));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_tokens,
	    test_failures,
	    test_refuses_tokens,
	    test_bounds,
	    test_refresh_tokens,
	};

	return check_program("token-reply", tests, ELEMENTSOF(tests));
}
