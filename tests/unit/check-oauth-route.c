/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How token services are reached and what clients prove themselves with beside a secret.
 * Rows hold the keys that differ from a minimal destination.
 */

#include "oauth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"

#define ON_PREMISE "\"ProxyType\":\"OnPremise\""
#define PLAIN "\"tokenServiceURL\":\"http://as.virtual:8080/token\""
#define KEY_STORE "\"tokenService.KeyStoreLocation\":\"client.p12\""
#define ASSERTION "\"clientAssertion.destinationName\":\"provider\""
#define CLIENT "grant_type=client_credentials&client_id=id"

/* Lays `keys` (members of an object, without braces) over a minimal destination. */
static int build(
    const char *keys, enum grant grant, struct token_request *ret, char **ret_why)
{
	static const char base[] = "{\"Type\":\"MAIL\",\"ProxyType\":\"Internet\","
				   "\"tokenServiceURL\":\"https://as.example/token\","
				   "\"clientId\":\"id\",\"clientSecret\":\"secret\"}";
	_cleanup_properties_ struct properties p = {0};
	_cleanup_secret_ struct secret layer = {0};

	ck_assert_int_eq(secret_concat(&layer, "{", keys, "}", NULL), 0);
	ck_assert_int_eq(properties_add(&p, base, strlen(base), "base.json", ret_why), 0);
	ck_assert_msg(
	    properties_add(&p, layer.data, layer.len, "layer.json", ret_why) == 0,
	    "%s: %s", keys, *ret_why);
	return oauth_build_request(&p, NULL, grant, ret, ret_why);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

START_TEST(test_decides_the_route)
{
	static const struct {
		const char *label, *keys;
		enum token_route route;
		const char *location_id;
	} rows[] = {
	    {"Internet", "", TOKEN_ROUTE_DIRECT, NULL},
	    {"a location id on the Internet", "\"CloudConnectorLocationId\":\"here\"",
		TOKEN_ROUTE_DIRECT, NULL},
	    {"inherited, https", ON_PREMISE, TOKEN_ROUTE_SOCKS5, NULL},
	    {"inherited, http", ON_PREMISE "," PLAIN, TOKEN_ROUTE_HTTP_PROXY, NULL},
	    {"its own", "\"tokenServiceURL.ProxyType\":\"OnPremise\"", TOKEN_ROUTE_SOCKS5,
		NULL},
	    {"its own is not the destination's",
		ON_PREMISE ",\"tokenServiceURL.ProxyType\":\"Internet\"",
		TOKEN_ROUTE_DIRECT, NULL},
	    {"null is absent", ON_PREMISE ",\"tokenServiceURL.ProxyType\":null",
		TOKEN_ROUTE_SOCKS5, NULL},
	    {"a location id", ON_PREMISE ",\"CloudConnectorLocationId\":\"here\"",
		TOKEN_ROUTE_SOCKS5, "here"},
	    {"an empty location id is none",
		ON_PREMISE ",\"CloudConnectorLocationId\":\"\"", TOKEN_ROUTE_SOCKS5,
		NULL},
	    {"a location id in a header",
		ON_PREMISE "," PLAIN ",\"CloudConnectorLocationId\":\"here\"",
		TOKEN_ROUTE_HTTP_PROXY, "here"},
	    {"an address as virtual host",
		ON_PREMISE ",\"tokenServiceURL\":\"http://10.0.0.5/token\"",
		TOKEN_ROUTE_HTTP_PROXY, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_msg(
		    build(rows[i].keys, GRANT_CLIENT_CREDENTIALS, &t, &why) == 0,
		    "%s: %s", rows[i].label, why);
		ck_assert_msg(
		    t.route == rows[i].route, "%s: goes another way", rows[i].label);
		ck_assert_msg(is_same(t.location_id, rows[i].location_id),
		    "%s: another location id", rows[i].label);
	}
}
END_TEST

START_TEST(test_proves_the_client_otherwise)
{
	static const struct {
		const char *label, *keys;
		enum grant grant;
		const char *key_store, *password, *provider, *body;
	} rows[] = {
	    {"row 1: a certificate instead of the secret", KEY_STORE,
		GRANT_CLIENT_CREDENTIALS, "client.p12", NULL, NULL, CLIENT},
	    {"row 1 with a password, without a secret",
		KEY_STORE ",\"tokenService.KeyStorePassword\":\"x y\","
			  "\"clientSecret\":null",
		GRANT_CLIENT_CREDENTIALS, "client.p12", "x y", NULL, CLIENT},
	    {"row 1 for a refresh token", KEY_STORE, GRANT_REFRESH_TOKEN, "client.p12",
		NULL, NULL, "grant_type=refresh_token&client_id=id"},
	    {"row 1 before row 2", KEY_STORE "," ASSERTION, GRANT_CLIENT_CREDENTIALS,
		"client.p12", NULL, NULL, CLIENT},
	    {"row 1 before row 3", KEY_STORE ",\"tokenServiceUser\":\"u\"",
		GRANT_CLIENT_CREDENTIALS, "client.p12", NULL, NULL, CLIENT},
	    {"row 2: an assertion instead of the secret", ASSERTION,
		GRANT_CLIENT_CREDENTIALS, NULL, NULL, "provider", CLIENT},
	    {"row 2 before row 5",
		ASSERTION ",\"tokenService.addClientCredentialsInBody\":\"false\"",
		GRANT_CLIENT_CREDENTIALS, NULL, NULL, "provider", CLIENT},
	    {"row 2 for a code", ASSERTION, GRANT_AUTHORIZATION_CODE, NULL, NULL,
		"provider", "grant_type=authorization_code&client_id=id"},
	    {"row 2 behind a Cloud Connector", ASSERTION "," ON_PREMISE,
		GRANT_CLIENT_CREDENTIALS, NULL, NULL, "provider", CLIENT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_msg(build(rows[i].keys, rows[i].grant, &t, &why) == 0, "%s: %s",
		    rows[i].label, why);
		ck_assert_msg(is_same(t.key_store, rows[i].key_store) &&
				  is_same(t.key_store_password, rows[i].password),
		    "%s: another key store", rows[i].label);
		ck_assert_msg(is_same(t.assertion_provider, rows[i].provider),
		    "%s: another provider", rows[i].label);
		ck_assert_msg(is_same(secret_str(&t.body), rows[i].body), "%s: %s",
		    rows[i].label, secret_str(&t.body));
		ck_assert_msg(!strstr(secret_str(&t.headers), "Authorization"),
		    "%s: sends a password", rows[i].label);
	}
}
END_TEST

static const char *with_location(char c, size_t n)
{
	static char keys[512];
	char id[200];

	memset(id, c, n);
	id[n] = '\0';
	ck_assert_int_lt(snprintf(keys, sizeof(keys),
			     ON_PREMISE ",\"CloudConnectorLocationId\":\"%s\"", id),
	    (int)sizeof(keys));
	return keys;
}

START_TEST(test_location_id_fits_socks5)
{
	_cleanup_token_request_ struct token_request t = {0};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(
	    build(with_location('x', 189), GRANT_CLIENT_CREDENTIALS, &t, &why), 0);
	ck_assert_int_eq(
	    build(with_location('x', 190), GRANT_CLIENT_CREDENTIALS, &t, &why), -EINVAL);
	ck_assert_msg(strstr(why, "CloudConnectorLocationId") && strstr(why, "189"),
	    "the reason is '%s'", why);
}
END_TEST

START_TEST(test_refuses_and_names_the_key)
{
	static const struct {
		const char *label, *keys, *key;
		enum grant grant;
	} rows[] = {
	    {"an unknown proxy type", "\"tokenServiceURL.ProxyType\":\"onpremise\"",
		"tokenServiceURL.ProxyType", GRANT_CLIENT_CREDENTIALS},
	    {"an IPv6 address on premise",
		ON_PREMISE ",\"tokenServiceURL\":\"https://[2001:db8::1]/\"",
		"tokenServiceURL", GRANT_CLIENT_CREDENTIALS},
	    {"plain http on the Internet", PLAIN, "tokenServiceURL",
		GRANT_CLIENT_CREDENTIALS},
	    {"a location id that is no header",
		ON_PREMISE "," PLAIN ",\"CloudConnectorLocationId\":\"a b\"",
		"CloudConnectorLocationId", GRANT_CLIENT_CREDENTIALS},
	    {"a location id with a line break",
		ON_PREMISE "," PLAIN ",\"CloudConnectorLocationId\":\"a\\r\\nX: y\"",
		"CloudConnectorLocationId", GRANT_CLIENT_CREDENTIALS},
	    {"a location id of one's own",
		ON_PREMISE
		",\"tokenServiceURL.headers.sap-connectivity-scc-location_id\":"
		"\"x\"",
		"tokenServiceURL.headers.sap-connectivity-scc-location_id",
		GRANT_CLIENT_CREDENTIALS},
	    {"a certificate on premise", KEY_STORE "," ON_PREMISE,
		"tokenService.KeyStoreLocation", GRANT_CLIENT_CREDENTIALS},
	    {"a certificate without TLS",
		KEY_STORE ",\"tokenServiceURL\":\"http://127.0.0.1/\"",
		"tokenService.KeyStoreLocation", GRANT_CLIENT_CREDENTIALS},
	    {"a key store elsewhere",
		"\"tokenService.KeyStoreLocation\":\"../secrets/x\"",
		"tokenService.KeyStoreLocation", GRANT_CLIENT_CREDENTIALS},
	    {"a key store without a name", "\"tokenService.KeyStoreLocation\":\"\"",
		"tokenService.KeyStoreLocation", GRANT_CLIENT_CREDENTIALS},
	    {"a password that is a placeholder",
		KEY_STORE ",\"tokenService.KeyStorePassword\":\"<password>\"",
		"tokenService.KeyStorePassword", GRANT_CLIENT_CREDENTIALS},
	    {"a provider elsewhere", "\"clientAssertion.destinationName\":\"../x\"",
		"clientAssertion.destinationName", GRANT_CLIENT_CREDENTIALS},
	    {"an assertion for a refresh token", ASSERTION,
		"clientAssertion.destinationName", GRANT_REFRESH_TOKEN},
	    {"an assertion by hand too",
		ASSERTION ",\"tokenService.body.client_assertion\":\"x\"",
		"tokenService.body.client_assertion", GRANT_CLIENT_CREDENTIALS},
	    {"the type of an assertion by hand too",
		ASSERTION ",\"tokenService.body.client_assertion_type\":\"x\"",
		"tokenService.body.client_assertion_type", GRANT_CLIENT_CREDENTIALS},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL, *key = NULL;

		ck_assert_msg(build(rows[i].keys, rows[i].grant, &t, &why) == -EINVAL,
		    "%s: is accepted", rows[i].label);
		ck_assert_int_ge(asprintf(&key, "key '%s'", rows[i].key), 0);
		ck_assert_msg(why && strstr(why, key), "%s: %s", rows[i].label, why);
	}
}
END_TEST

START_TEST(test_digest_tells_ways_apart)
{
	static const char *const rows[] = {
	    "",
	    ON_PREMISE,
	    ON_PREMISE ",\"CloudConnectorLocationId\":\"a\"",
	    ON_PREMISE ",\"CloudConnectorLocationId\":\"b\"",
	    KEY_STORE,
	    KEY_STORE ",\"tokenService.KeyStorePassword\":\"a\"",
	    "\"tokenService.KeyStoreLocation\":\"other\"",
	    ASSERTION,
	    "\"clientAssertion.destinationName\":\"other\"",
	};
	unsigned char digests[ELEMENTSOF(rows)][DIGEST_SHA256_SIZE];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(build(rows[i], GRANT_CLIENT_CREDENTIALS, &t, &why), 0);
		ck_assert_int_eq(token_request_digest(&t, digests[i]), 0);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(
			    memcmp(digests[i], digests[j], sizeof(digests[i])) != 0,
			    "%s is %s", rows[i], rows[j]);
	}
}
END_TEST

START_TEST(test_assertions_are_hidden_and_wiped)
{
	static const char canary[] = "CANARY-assertion+/=";
	_cleanup_secret_ struct secret text = {0};
	struct token_request t = {0};
	char *why;

	ck_assert_int_eq(build(ASSERTION, GRANT_CLIENT_CREDENTIALS, &t, &why), 0);
	ck_assert_int_eq(token_request_add_secret(&t, "client_assertion", canary), 0);
	ck_assert_str_eq(
	    t.body.data, CLIENT "&client_assertion=CANARY-assertion%2B%2F%3D");
	ck_assert_int_eq(
	    secret_concat(&text, canary, " CANARY-assertion%2B%2F%3D", NULL), 0);
	token_request_mask(&t, &text);
	ck_assert_msg(!strstr(text.data, "CANARY"), "'%s' tells it", text.data);
	freed_memory_watch("CANARY-assertion");
	token_request_done(&t);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_decides_the_route,
	    test_proves_the_client_otherwise,
	    test_location_id_fits_socks5,
	    test_refuses_and_names_the_key,
	    test_digest_tells_ways_apart,
	    test_assertions_are_hidden_and_wiped,
	};

	return check_program("oauth-route", tests, ELEMENTSOF(tests));
}
