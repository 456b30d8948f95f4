/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token requests: where each key of a destination goes, byte for byte, and what is
 * refused. Rows hold the keys that differ from a minimal destination.
 */

#include "oauth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "freed-memory.h"

/* Lays `keys` (members of an object, without braces) over a minimal destination. */
static int build(
    const char *keys, const char *tenant, struct token_request *ret, char **ret_why)
{
	static const char base[] = "{\"Type\":\"MAIL\",\"ProxyType\":\"Internet\","
				   "\"tokenServiceURL\":\"https://as.example/token\","
				   "\"clientId\":\"id\",\"clientSecret\":\"se+cr&et\"}";
	_cleanup_properties_ struct properties p = {0};
	_cleanup_secret_ struct secret layer = {0};

	ck_assert_int_eq(secret_printf(&layer, "{%s}", keys), 0);
	ck_assert_int_eq(properties_add(&p, base, strlen(base), "base.json", ret_why), 0);
	ck_assert_msg(
	    properties_add(&p, layer.data, layer.len, "layer.json", ret_why) == 0,
	    "%s: %s", keys, *ret_why);
	return oauth_build_request(&p, tenant, GRANT_CLIENT_CREDENTIALS, ret, ret_why);
}

/* All headers, each ended by a line break. */
static char *headers_of(const struct token_request *t)
{
	char *text = calloc(1, t->headers.len + 1);

	ck_assert_ptr_nonnull(text);
	if (t->headers.len > 0)
		memcpy(text, t->headers.data, t->headers.len);
	for (size_t i = 0; i < t->headers.len; i++)
		if (!text[i])
			text[i] = '\n';
	return text;
}

#define ACCEPT "Accept: application/json\n"
#define GRANT "grant_type=client_credentials"
#define CLIENT "&client_id=id&client_secret=se%2Bcr%26et"

START_TEST(test_builds_requests)
{
	static const struct {
		const char *label, *keys, *url, *headers, *body;
	} rows[] = {
	    {"row 4: credentials in the body", "", "https://as.example/token", ACCEPT,
		GRANT CLIENT},
	    {"row 4, said so", "\"tokenService.addClientCredentialsInBody\":\"true\"",
		NULL, ACCEPT, GRANT CLIENT},
	    {"row 5: credentials in the header",
		"\"tokenService.addClientCredentialsInBody\":false", NULL,
		"Authorization: Basic aWQ6c2UrY3ImZXQ=\n" ACCEPT, GRANT},
	    {"row 3: a user of the token service",
		"\"tokenServiceUser\":\"u\",\"tokenServicePassword\":\"p\"", NULL,
		"Authorization: Basic dTpw\n" ACCEPT, GRANT CLIENT},
	    {"row 3, credentials not in the body",
		"\"tokenServiceUser\":\"u\",\"tokenServicePassword\":\"p\","
		"\"tokenService.addClientCredentialsInBody\":\"false\"",
		NULL, "Authorization: Basic dTpw\n" ACCEPT, GRANT},
	    {"row 3 without a secret of the client",
		"\"tokenServiceUser\":\"u\",\"clientSecret\":null", NULL,
		"Authorization: Basic dTo=\n" ACCEPT, GRANT "&client_id=id"},
	    {"an empty user is none", "\"tokenServiceUser\":\"\"", NULL, ACCEPT,
		GRANT CLIENT},
	    {"an empty secret", "\"clientSecret\":\"\"", NULL, ACCEPT,
		GRANT "&client_id=id&client_secret="},
	    {"an assertion made by hand",
		"\"clientSecret\":null,\"tokenService.body.client_assertion\":\"x\"",
		NULL, ACCEPT, GRANT "&client_id=id&client_assertion=x"},
	    {"scope", "\"scope\":\"a b:c https://x/.default\"", NULL, ACCEPT,
		GRANT "&scope=a%20b%3Ac%20https%3A%2F%2Fx%2F.default" CLIENT},
	    {"an empty scope is none", "\"scope\":\"\"", NULL, ACCEPT, GRANT CLIENT},
	    {"further fields",
		"\"tokenService.body.r&s\":\"1=2\",\"tokenService.body.n\":7", NULL,
		ACCEPT, GRANT CLIENT "&r%26s=1%3D2&n=7"},
	    {"a field that is null", "\"tokenService.body.n\":null", NULL, ACCEPT,
		GRANT CLIENT},
	    {"headers",
		"\"tokenServiceURL.headers.X-A\":\"1\",\"tokenServiceURL.headers.B\":"
		"\"\"",
		NULL, "X-A: 1\nB;\n" ACCEPT, GRANT CLIENT},
	    {"Accept of the destination's", "\"tokenServiceURL.headers.accept\":\"x/y\"",
		NULL, "accept: x/y\n", GRANT CLIENT},
	    {"Authorization of the destination's",
		"\"tokenServiceURL.headers.Authorization\":\"Own\"", NULL,
		"Authorization: Own\n" ACCEPT, GRANT CLIENT},
	    {"Authorization behind a name that ends like it",
		"\"tokenServiceURL.headers.X-Authorization\":\"1\","
		"\"tokenServiceURL.headers.Authorization\":\"Own\"",
		NULL, "X-Authorization: 1\nAuthorization: Own\n" ACCEPT, GRANT CLIENT},
	    {"queries",
		"\"tokenServiceURL.queries.a b\":\"c&d\",\"tokenServiceURL.queries.e\":1",
		"https://as.example/token?a%20b=c%26d&e=1", ACCEPT, GRANT CLIENT},
	    {"queries behind one that is there",
		"\"tokenServiceURL\":\"https://as.example/t?grant_type=x\","
		"\"tokenServiceURL.queries.e\":\"1\"",
		"https://as.example/t?grant_type=x&e=1", ACCEPT, GRANT CLIENT},
	    {"queries behind a bare question mark",
		"\"tokenServiceURL\":\"https://as.example/"
		"t?\",\"tokenServiceURL.queries.e\":\"1\"",
		"https://as.example/t?e=1", ACCEPT, GRANT CLIENT},
	    {"Dedicated", "\"tokenServiceURLType\":\"Dedicated\"",
		"https://as.example/token", ACCEPT, GRANT CLIENT},
	    {"Common", "\"tokenServiceURLType\":\"Common\"",
		"https://acme.as.example/token", ACCEPT, GRANT CLIENT},
	    {"Common with a mark",
		"\"tokenServiceURLType\":\"Common\","
		"\"tokenServiceURL\":\"https://as.example/{tenant}/token\"",
		"https://as.example/acme/token", ACCEPT, GRANT CLIENT},
	    {"a token service on the Internet for a destination on premise",
		"\"ProxyType\":\"OnPremise\",\"tokenServiceURL.ProxyType\":\"Internet\"",
		NULL, ACCEPT, GRANT CLIENT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL, *headers = NULL;

		ck_assert_msg(build(rows[i].keys, "acme", &t, &why) == 0, "%s: %s",
		    rows[i].label, why);
		headers = headers_of(&t);
		ck_assert_msg(strcmp(headers, rows[i].headers) == 0, "%s: %s",
		    rows[i].label, headers);
		ck_assert_msg(strcmp(secret_str(&t.body), rows[i].body) == 0, "%s: %s",
		    rows[i].label, secret_str(&t.body));
		if (rows[i].url)
			ck_assert_msg(strcmp(secret_str(&t.url), rows[i].url) == 0,
			    "%s: %s", rows[i].label, secret_str(&t.url));
	}
}
END_TEST

START_TEST(test_refuses_and_names_the_key)
{
	static const struct {
		const char *label, *keys, *key;
	} rows[] = {
	    {"proxy type unknown", "\"tokenServiceURL.ProxyType\":\"x\"",
		"tokenServiceURL.ProxyType"},
	    {"no URL", "\"tokenServiceURL\":null", "tokenServiceURL"},
	    {"empty URL", "\"tokenServiceURL\":\"\"", "tokenServiceURL"},
	    {"plain URL", "\"tokenServiceURL\":\"http://as.example/\"",
		"tokenServiceURL"},
	    {"URL with a line break",
		"\"tokenServiceURL\":\"https://as.example/\\r\\nX: y\"",
		"tokenServiceURL"},
	    {"URL with a placeholder", "\"tokenServiceURL\":\"<url>\"",
		"tokenServiceURL"},
	    {"a mark without Common", "\"tokenServiceURL\":\"https://{tenant}.example/\"",
		"tokenServiceURL"},
	    {"URL type unknown", "\"tokenServiceURLType\":\"common\"",
		"tokenServiceURLType"},
	    {"Common with an address",
		"\"tokenServiceURLType\":\"Common\",\"tokenServiceURL\":\"https://"
		"192.0.2.1/\"",
		"tokenServiceURL"},
	    {"no client", "\"clientId\":null", "clientId"},
	    {"empty client", "\"clientId\":\"\"", "clientId"},
	    {"client with a line break", "\"clientId\":\"a\\nb\"", "clientId"},
	    {"client with a colon in the header",
		"\"clientId\":\"a:b\",\"tokenService.addClientCredentialsInBody\":"
		"\"false\"",
		"clientId"},
	    {"no secret", "\"clientSecret\":null", "clientSecret"},
	    {"secret with a control character", "\"clientSecret\":\"a\\u0001\"",
		"clientSecret"},
	    {"secret that is a placeholder", "\"clientSecret\":\"<secret>\"",
		"clientSecret"},
	    {"secret that is an object", "\"clientSecret\":{}", "clientSecret"},
	    {"user with a colon", "\"tokenServiceUser\":\"a:b\"", "tokenServiceUser"},
	    {"no boolean", "\"tokenService.addClientCredentialsInBody\":\"maybe\"",
		"tokenService.addClientCredentialsInBody"},
	    {"header with a line break",
		"\"tokenServiceURL.headers.X\":\"a\\r\\nHost: b\"",
		"tokenServiceURL.headers.X"},
	    {"header's name with a line break",
		"\"tokenServiceURL.headers.X\\r\\nY\":\"a\"", "tokenServiceURL.headers."},
	    {"header's name with a colon", "\"tokenServiceURL.headers.X:\":\"a\"",
		"tokenServiceURL.headers.X:"},
	    {"header not ASCII", "\"tokenServiceURL.headers.X\":\"\\u00e4\"",
		"tokenServiceURL.headers.X"},
	    {"Host", "\"tokenServiceURL.headers.hOST\":\"a\"",
		"tokenServiceURL.headers.hOST"},
	    {"Content-Length", "\"tokenServiceURL.headers.Content-Length\":\"1\"",
		"tokenServiceURL.headers.Content-Length"},
	    {"Transfer-Encoding",
		"\"tokenServiceURL.headers.Transfer-Encoding\":\"chunked\"",
		"tokenServiceURL.headers.Transfer-Encoding"},
	    {"Proxy-Authorization",
		"\"tokenServiceURL.headers.Proxy-Authorization\":\"x\"",
		"tokenServiceURL.headers.Proxy-Authorization"},
	    {"Authorization twice",
		"\"tokenServiceURL.headers.authorization\":\"x\",\"tokenServiceUser\":"
		"\"u\"",
		"tokenServiceURL.headers.authorization"},
	    {"Authorization twice, both the destination's, behind another header",
		"\"tokenServiceURL.headers.X-A\":\"1\","
		"\"tokenServiceURL.headers.Authorization\":\"\","
		"\"tokenServiceURL.headers.AUTHORIZATION\":\"x\"",
		"tokenServiceURL.headers.AUTHORIZATION"},
	    {"query with a control character", "\"tokenServiceURL.queries.x\":\"a\\tb\"",
		"tokenServiceURL.queries.x"},
	    {"field given twice", "\"tokenService.body.client_id\":\"x\"",
		"tokenService.body.client_id"},
	    {"another grant", "\"tokenService.body.grant_type\":\"password\"",
		"tokenService.body.grant_type"},
	    {"field with a line break", "\"tokenService.body.x\":\"a\\nb\"",
		"tokenService.body.x"},
	    {"time-out", "\"tokenServiceURL.ConnectionTimeoutInSeconds\":\"soon\"",
		"tokenServiceURL.ConnectionTimeoutInSeconds"},
	    {"negative time-out", "\"tokenServiceURL.SocketReadTimeoutInSeconds\":-1",
		"tokenServiceURL.SocketReadTimeoutInSeconds"},
	    {"trust", "\"TrustAll\":\"yes\"", "TrustAll"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL, *key = NULL;

		ck_assert_msg(build(rows[i].keys, "acme", &t, &why) == -EINVAL, "%s",
		    rows[i].label);
		ck_assert_int_ge(asprintf(&key, "key '%s", rows[i].key), 0);
		ck_assert_msg(why && strstr(why, key), "%s: %s", rows[i].label, why);
		ck_assert_msg(
		    !strstr(why, "se+cr&et"), "%s tells the secret", rows[i].label);
	}
}
END_TEST

START_TEST(test_common_needs_a_tenant_that_is_a_label)
{
	static const char *const tenants[] = {NULL, "", "a.b", "a/b", "a@b", "a_b", "-a"};

	for (size_t i = 0; i < ELEMENTSOF(tenants); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(
		    build("\"tokenServiceURLType\":\"Common\"", tenants[i], &t, &why),
		    -EINVAL);
		ck_assert_ptr_nonnull(strstr(why, "tokenServiceURLType"));
	}
}
END_TEST

START_TEST(test_time_outs)
{
	static const struct {
		const char *keys;
		unsigned connect_sec, total_sec;
	} rows[] = {
	    {"", 10, 20},
	    {"\"tokenServiceURL.ConnectionTimeoutInSeconds\":\"5\"", 5, 15},
	    {"\"tokenServiceURL.ConnectionTimeoutInSeconds\":60", 60, 70},
	    {"\"tokenServiceURL.ConnectionTimeoutInSeconds\":61", 10, 20},
	    {"\"tokenServiceURL.ConnectionTimeoutInSeconds\":0", 60, 70},
	    {"\"tokenServiceURL.SocketReadTimeoutInSeconds\":\"600\"", 10, 610},
	    {"\"tokenServiceURL.SocketReadTimeoutInSeconds\":601", 10, 20},
	    {"\"tokenServiceURL.SocketReadTimeoutInSeconds\":0", 10, 610},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_msg(build(rows[i].keys, NULL, &t, &why) == 0, "%s", why);
		ck_assert_uint_eq(
		    t.connect_timeout_usec, rows[i].connect_sec * USEC_PER_SEC);
		ck_assert_uint_eq(t.timeout_usec, rows[i].total_sec * USEC_PER_SEC);
	}
}
END_TEST

START_TEST(test_digest_changes_with_whatever_is_sent_or_trusted)
{
	static const char *const rows[] = {
	    "",
	    "\"clientId\":\"other\"",
	    "\"clientSecret\":\"other\"",
	    "\"tokenServiceURL\":\"https://other.example/token\"",
	    "\"tokenServiceURL.headers.X\":\"1\"",
	    "\"tokenServiceURL.queries.x\":\"1\"",
	    "\"tokenService.body.x\":\"1\"",
	    "\"scope\":\"x\"",
	    "\"tokenServiceUser\":\"x\"",
	    "\"TrustAll\":\"TRUE\"",
	    "\"TrustStoreLocation\":\"a.pem\"",
	};
	unsigned char digests[ELEMENTSOF(rows)][DIGEST_SHA256_SIZE];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL;
		unsigned char again[DIGEST_SHA256_SIZE];

		ck_assert_int_eq(build(rows[i], NULL, &t, &why), 0);
		ck_assert_int_eq(token_request_digest(&t, digests[i]), 0);
		ck_assert_int_eq(token_request_digest(&t, again), 0);
		ck_assert_mem_eq(digests[i], again, sizeof(again));
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(memcmp(digests[i], digests[j], sizeof(again)) != 0,
			    "%s is %s", rows[i], rows[j]);
	}
}
END_TEST

START_TEST(test_masks_what_was_sent)
{
	_cleanup_token_request_ struct token_request t = {0};
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(
	    build("\"clientSecret\":\"******\",\"tokenService.body.x\":\"longer value\","
		  "\"tokenService.body.y\":\"no\"",
		NULL, &t, &why),
	    0);
	ck_assert_int_eq(
	    secret_puts(&text, "no ****** but longer value, longer value"), 0);
	token_request_mask(&t, &text);
	ck_assert_str_eq(text.data, "no ****** but ************, ************");
	secret_clear(&text);
	token_request_mask(&t, &text);
	ck_assert_uint_eq(text.len, 0);
}
END_TEST

START_TEST(test_leaves_no_secret_in_freed_memory)
{
	struct token_request t = {0};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(build("\"clientSecret\":\"CANARY-SECRET\"", NULL, &t, &why), 0);
	freed_memory_watch("CANARY-SECRET");
	token_request_done(&t);
	ck_assert_int_eq(
	    build("\"clientSecret\":\"CANARY-SECRET\",\"scope\":{}", NULL, &t, &why),
	    -EINVAL);
	/* The test's own layer of JSON is wiped too. */
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_builds_requests,
	    test_refuses_and_names_the_key,
	    test_common_needs_a_tenant_that_is_a_label,
	    test_time_outs,
	    test_digest_changes_with_whatever_is_sent_or_trusted,
	    test_masks_what_was_sent,
	    test_leaves_no_secret_in_freed_memory,
	};

	return check_program("oauth", tests, ELEMENTSOF(tests));
}
