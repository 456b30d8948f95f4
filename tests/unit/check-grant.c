/* SPDX-License-Identifier: Apache-2.0 */
/* The grants that carry a client's credential: what each sends, and what it is told by. */

#include "grant.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "oauth.h"

#define CLIENT "client_id=id&client_secret=secret"

static int build(
    enum grant grant, const char *keys, struct token_request *ret, char **why)
{
	static const char base[] =
	    "{\"tokenServiceURL\":\"https://as.example/token\",\"clientId\":\"id\","
	    "\"clientSecret\":\"secret\",\"ProxyType\":\"Internet\"}";
	_cleanup_properties_ struct properties p = {0};
	_cleanup_secret_ struct secret layer = {0};

	ck_assert_int_eq(secret_printf(&layer, "{%s}", keys), 0);
	ck_assert_int_eq(properties_add(&p, base, strlen(base), "base.json", why), 0);
	ck_assert_int_eq(properties_add(&p, layer.data, layer.len, "layer.json", why), 0);
	return oauth_build_request(&p, NULL, grant, ret, why);
}

static void build_with(
    enum grant grant, const char *keys, const char *credential, struct token_request *ret)
{
	char *why = NULL;

	ck_assert_msg(build(grant, keys, ret, &why) == 0, "%s", why);
	if (credential)
		ck_assert_int_eq(token_request_add_credential(ret, credential), 0);
}

START_TEST(test_bodies)
{
	static const char extras[] =
	    "\"scope\":\"a b\",\"tokenService.body.redirect_uri\":"
	    "\"x:/\",\"tokenService.body.code_verifier\":\"v\","
	    "\"tokenService.body.more\":\"m\"";
	static const struct {
		enum grant grant;
		const char *keys, *credential, *body;
	} rows[] = {
	    {GRANT_CLIENT_CREDENTIALS, "", NULL, "grant_type=client_credentials&" CLIENT},
	    {GRANT_REFRESH_TOKEN, "", "r",
		"grant_type=refresh_token&" CLIENT "&refresh_token=r"},
	    {GRANT_AUTHORIZATION_CODE, "",
		"c+/=", "grant_type=authorization_code&" CLIENT "&code=c%2B%2F%3D"},
	    {GRANT_AUTHORIZATION_CODE, extras, "c",
		"grant_type=authorization_code&scope=a%20b&" CLIENT
		"&redirect_uri=x%3A%2F&code_verifier=v&more=m&code=c"},
	    {GRANT_RENEWAL, extras, "r",
		"grant_type=refresh_token&scope=a%20b&" CLIENT "&more=m&refresh_token=r"},
	    {GRANT_REFRESH_TOKEN, extras, "r",
		"grant_type=refresh_token&scope=a%20b&" CLIENT
		"&redirect_uri=x%3A%2F&code_verifier=v&more=m&refresh_token=r"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};

		build_with(rows[i].grant, rows[i].keys, rows[i].credential, &t);
		ck_assert_msg(strcmp(secret_str(&t.body), rows[i].body) == 0,
		    "row %zu: %s", i, secret_str(&t.body));
	}
}
END_TEST

START_TEST(test_field_of_the_credential_is_nobody_elses)
{
	static const struct {
		enum grant grant;
		const char *field;
		bool is_refused;
	} rows[] = {
	    {GRANT_REFRESH_TOKEN, "refresh_token", true},
	    {GRANT_RENEWAL, "refresh_token", true},
	    {GRANT_AUTHORIZATION_CODE, "code", true},
	    {GRANT_AUTHORIZATION_CODE, "refresh_token", false},
	    {GRANT_REFRESH_TOKEN, "code", false},
	    {GRANT_CLIENT_CREDENTIALS, "code", false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_secret_ struct secret keys = {0};
		_cleanup_free_ char *why = NULL;
		int r;

		ck_assert_int_eq(
		    secret_printf(&keys, "\"tokenService.body.%s\":\"x\"", rows[i].field),
		    0);
		r = build(rows[i].grant, keys.data, &t, &why);
		ck_assert_msg(
		    r == (rows[i].is_refused ? -EINVAL : 0), "row %zu: %d", i, r);
		ck_assert(!rows[i].is_refused || strstr(why, rows[i].field));
	}
}
END_TEST

/* It is the key's other part, and a rotated one must find the same entry. */
START_TEST(test_credential_is_no_part_of_the_digest)
{
	_cleanup_token_request_ struct token_request with = {0}, without = {0},
						     code = {0};
	unsigned char a[DIGEST_SHA256_SIZE], b[DIGEST_SHA256_SIZE];

	build_with(GRANT_REFRESH_TOKEN, "", NULL, &without);
	build_with(GRANT_AUTHORIZATION_CODE, "", NULL, &code);
	ck_assert_int_eq(token_request_digest(&without, a), 0);
	ck_assert_int_eq(token_request_digest(&code, b), 0);
	ck_assert_mem_ne(a, b, sizeof(a));
	build_with(GRANT_REFRESH_TOKEN, "", "canary", &with);
	ck_assert_str_eq(with.credential.data, "canary");
}
END_TEST

START_TEST(test_endpoint_is_of_url_and_client)
{
	static const struct {
		const char *keys;
		bool is_same;
	} rows[] = {
	    {"", true},
	    {"\"clientSecret\":\"other\"", true},
	    {"\"scope\":\"other\"", true},
	    {"\"tokenService.body.a\":\"b\"", true},
	    {"\"clientId\":\"other\"", false},
	    {"\"tokenServiceURL\":\"https://as.example/toke\"", false},
	    {"\"tokenServiceURL\":\"https://as.example/toke\",\"clientId\":\"nid\"",
		false},
	    {"\"tokenServiceURL\":\"https://other.example/token\"", false},
	    {"\"tokenServiceURL.queries.a\":\"b\"", true},
	};
	unsigned char first[DIGEST_SHA256_SIZE], other[DIGEST_SHA256_SIZE];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request code = {0}, renewal = {0};

		build_with(GRANT_AUTHORIZATION_CODE, "", "c", &code);
		build_with(GRANT_RENEWAL, rows[i].keys, "r", &renewal);
		ck_assert_int_eq(token_request_endpoint(&code, first), 0);
		ck_assert_int_eq(token_request_endpoint(&renewal, other), 0);
		ck_assert_msg(
		    (memcmp(first, other, sizeof(first)) == 0) == rows[i].is_same,
		    "row %zu", i);
	}
}
END_TEST

START_TEST(test_credential_is_hidden_as_it_is_and_as_it_was_sent)
{
	_cleanup_token_request_ struct token_request t = {0};
	_cleanup_secret_ struct secret text = {0};

	build_with(GRANT_REFRESH_TOKEN, "", "canary/one+two", &t);
	ck_assert_int_eq(secret_puts(&text, "<canary/one+two> <canary%2Fone%2Btwo>"), 0);
	token_request_mask(&t, &text);
	ck_assert_str_eq(text.data, "<**************> <******************>");
}
END_TEST

START_TEST(test_credential_stays_in_no_freed_memory)
{
	freed_memory_watch("canary-credential");
	{
		_cleanup_token_request_ struct token_request t = {0};

		build_with(GRANT_AUTHORIZATION_CODE, "", "canary-credential", &t);
	}
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

START_TEST(test_each_authentication_begins_with_its_grant)
{
	static const struct {
		enum authentication authentication;
		bool has_grant;
		enum grant grant;
	} rows[] = {
	    {AUTH_NONE, false, GRANT_MAX},
	    {AUTH_BASIC, false, GRANT_MAX},
	    {AUTH_CLIENT_CREDENTIALS, true, GRANT_CLIENT_CREDENTIALS},
	    {AUTH_REFRESH_TOKEN, true, GRANT_REFRESH_TOKEN},
	    {AUTH_AUTHORIZATION_CODE, true, GRANT_AUTHORIZATION_CODE},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		enum grant grant = GRANT_MAX;

		ck_assert(grant_of(rows[i].authentication, &grant) == rows[i].has_grant);
		ck_assert_int_eq(grant, rows[i].grant);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_bodies,
	    test_field_of_the_credential_is_nobody_elses,
	    test_credential_is_no_part_of_the_digest,
	    test_endpoint_is_of_url_and_client,
	    test_credential_is_hidden_as_it_is_and_as_it_was_sent,
	    test_credential_stays_in_no_freed_memory,
	    test_each_authentication_begins_with_its_grant,
	};

	return check_program("grant", tests, ELEMENTSOF(tests));
}
