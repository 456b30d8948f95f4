/* SPDX-License-Identifier: Apache-2.0 */
/* connectivity.json: where the proxy is, whose tokens are asked for where. */

#include "connectivity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check-program.h"
#include "config-tree.h"
#include "freed-memory.h"

#define PROXY "\"onpremise_proxy_host\":\"10.0.85.1\""
#define CLIENT "\"clientid\":\"sb-1!b2|c\",\"clientsecret\":\"s+cret=\""
#define URL "\"token_service_url\":\"https://provider.auth.example\""
#define BODY "grant_type=client_credentials&client_id=sb-1%21b2%7Cc"
#define SECRET "&client_secret=s%2Bcret%3D"
#define X509                                                                      \
	"\"clientid\":\"id\",\"certurl\":\"https://provider.cert.auth.example\"," \
	"\"certificate\":\"C\",\"key\":\"K\""

/* Reads a file of these members of an object. */
static int build(
    const char *members, const char *tenant, struct token_request *ret, char **ret_why)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_secret_ struct secret text = {0};

	ck_assert_int_eq(secret_concat(&text, "{", members, "}", NULL), 0);
	config_tree_make(&t);
	config_tree_puts(&t, "connectivity.json", text.data);
	return connectivity_build_request(t.path, tenant, ret, ret_why);
}

static int find_proxy(const char *members, struct connectivity_proxy *ret, char **ret_why)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_secret_ struct secret text = {0};

	ck_assert_int_eq(secret_concat(&text, "{", members, "}", NULL), 0);
	config_tree_make(&t);
	config_tree_puts(&t, "connectivity.json", text.data);
	return connectivity_find_proxy(t.path, ret, ret_why);
}

START_TEST(test_finds_the_proxy)
{
	static const struct {
		const char *members, *host;
		unsigned socks5_port, http_port;
	} rows[] = {
	    {PROXY, "10.0.85.1", 20004, 20003},
	    {"\"onpremise_proxy_host\":\"proxy.kyma-system.svc.cluster.local\","
	     "\"onpremise_socks5_proxy_port\":\"20014\"",
		"proxy.kyma-system.svc.cluster.local", 20014, 20003},
	    {PROXY ",\"onpremise_proxy_port\":\"1\"", "10.0.85.1", 20004, 1},
	    {PROXY ",\"onpremise_proxy_port\":\"1\",\"onpremise_proxy_http_port\":2",
		"10.0.85.1", 20004, 2},
	    {"\"onpremise_proxy_host\":\"::1\"", "::1", 20004, 20003},
	    {"\"name\":\"c\",\"credentials\":{" PROXY
	     ",\"onpremise_socks5_proxy_port\":3}",
		"10.0.85.1", 3, 20003},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_connectivity_proxy_ struct connectivity_proxy p = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_msg(find_proxy(rows[i].members, &p, &why) == 0, "%s: %s",
		    rows[i].members, why);
		ck_assert_str_eq(p.host, rows[i].host);
		ck_assert_uint_eq(p.socks5_port, rows[i].socks5_port);
		ck_assert_uint_eq(p.http_port, rows[i].http_port);
	}
}
END_TEST

START_TEST(test_builds_requests)
{
	static const struct {
		const char *label, *members, *tenant, *url, *body, *key_pair;
	} rows[] = {
	    {"a service key", URL "," CLIENT, NULL,
		"https://provider.auth.example/oauth/token", BODY SECRET, ""},
	    {"a binding", "\"credentials\":{" URL "," CLIENT "}", NULL,
		"https://provider.auth.example/oauth/token", BODY SECRET, ""},
	    {"the older key", "\"url\":\"https://provider.auth.example/\"," CLIENT, NULL,
		"https://provider.auth.example/oauth/token", BODY SECRET, ""},
	    {"the newer key wins", "\"url\":\"https://x.example\"," URL "," CLIENT, NULL,
		"https://provider.auth.example/oauth/token", BODY SECRET, ""},
	    {"the endpoint is named",
		"\"url\":\"https://p.auth.example/oauth/token\"," CLIENT, NULL,
		"https://p.auth.example/oauth/token", BODY SECRET, ""},
	    {"another endpoint is named",
		"\"url\":\"https://p.ias.example/oauth2/token\"," CLIENT, NULL,
		"https://p.ias.example/oauth2/token", BODY SECRET, ""},
	    {"a tenant", URL "," CLIENT, "acme", "https://acme.auth.example/oauth/token",
		BODY SECRET, ""},
	    {"a tenant, the endpoint named",
		"\"url\":\"https://p.auth.example:8443/oauth/token\"," CLIENT, "acme",
		"https://acme.auth.example:8443/oauth/token", BODY SECRET, ""},
	    {"a certificate", X509 "," URL, NULL,
		"https://provider.cert.auth.example/oauth/token",
		"grant_type=client_credentials&client_id=id", "C\nK\n"},
	    {"a certificate and a secret: the certificate",
		X509 ",\"clientsecret\":\"s\"", "acme",
		"https://acme.cert.auth.example/oauth/token",
		"grant_type=client_credentials&client_id=id", "C\nK\n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_msg(build(rows[i].members, rows[i].tenant, &t, &why) == 0,
		    "%s: %s", rows[i].label, why);
		ck_assert_msg(strcmp(secret_str(&t.url), rows[i].url) == 0,
		    "%s: goes to %s", rows[i].label, secret_str(&t.url));
		ck_assert_msg(strcmp(secret_str(&t.body), rows[i].body) == 0,
		    "%s: sends %s", rows[i].label, secret_str(&t.body));
		ck_assert_msg(strcmp(secret_str(&t.key_pair), rows[i].key_pair) == 0,
		    "%s: another key", rows[i].label);
		ck_assert_str_eq(t.headers.data, "Accept: application/json");
		ck_assert_int_eq(t.route, TOKEN_ROUTE_DIRECT);
	}
}
END_TEST

START_TEST(test_names_what_is_wrong)
{
	static const struct {
		const char *label, *members, *tenant, *key;
	} rows[] = {
	    {"no URL", CLIENT, NULL, "token_service_url"},
	    {"plain http", "\"url\":\"http://p.auth.example\"," CLIENT, NULL, "url"},
	    {"no client", URL ",\"clientsecret\":\"s\"", NULL, "clientid"},
	    {"no secret", URL ",\"clientid\":\"i\"", NULL, "clientsecret"},
	    {"an empty secret", URL ",\"clientid\":\"i\",\"clientsecret\":\"\"", NULL,
		"clientsecret"},
	    {"no key", "\"certificate\":\"C\",\"certurl\":\"https://p.x\"", NULL, "key"},
	    {"no URL for the certificate",
		URL ",\"clientid\":\"i\",\"certificate\":\"C\",\"key\":\"K\"", NULL,
		"certurl"},
	    {"a certificate without TLS",
		"\"clientid\":\"i\",\"certificate\":\"C\",\"key\":\"K\","
		"\"certurl\":\"http://127.0.0.1/\"",
		NULL, "certurl"},
	    {"a tenant at an address", "\"url\":\"https://192.0.2.1\"," CLIENT, "acme",
		"url"},
	    {"a tenant at a single label", "\"url\":\"https://localhost\"," CLIENT,
		"acme", "url"},
	    {"a tenant that is no label", URL "," CLIENT, "a_b", "token_service_url"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_token_request_ struct token_request t = {0};
		_cleanup_free_ char *why = NULL, *key = NULL;

		ck_assert_msg(build(rows[i].members, rows[i].tenant, &t, &why) == -EINVAL,
		    "%s: is accepted", rows[i].label);
		ck_assert_int_ge(
		    asprintf(&key, "connectivity.json: key '%s'", rows[i].key), 0);
		ck_assert_msg(strstr(why, key), "%s: %s", rows[i].label, why);
		ck_assert_msg(!strstr(why, "s+cret"), "%s: tells", rows[i].label);
		ck_assert_msg(t.url.len == 0, "%s: leaves a URL", rows[i].label);
	}
}
END_TEST

START_TEST(test_names_what_is_wrong_with_the_proxy)
{
	static const struct {
		const char *members, *key;
	} rows[] = {
	    {URL, "onpremise_proxy_host"},
	    {"\"onpremise_proxy_host\":\"a b\"", "onpremise_proxy_host"},
	    {"\"onpremise_proxy_host\":\"http://a\"", "onpremise_proxy_host"},
	    {"\"onpremise_proxy_host\":\"[::1]\"", "onpremise_proxy_host"},
	    {PROXY ",\"onpremise_socks5_proxy_port\":\"0\"",
		"onpremise_socks5_proxy_port"},
	    {PROXY ",\"onpremise_proxy_http_port\":\"65536\"",
		"onpremise_proxy_http_port"},
	    {PROXY ",\"onpremise_proxy_port\":\"x\"", "onpremise_proxy_port"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct connectivity_proxy p;
		_cleanup_free_ char *why = NULL;

		ck_assert_msg(find_proxy(rows[i].members, &p, &why) == -EINVAL,
		    "%s: is accepted", rows[i].members);
		ck_assert_msg(strstr(why, rows[i].key), "%s: %s", rows[i].members, why);
	}
}
END_TEST

START_TEST(test_credentials_of_the_service_manager_win)
{
	static const char secret[] = "{\"clientsecret\":\"from-the-manager\"}";
	_cleanup_config_tree_ struct config_tree t = {0}, credentials = {0};
	_cleanup_token_request_ struct token_request q = {0}, alone = {0};
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	config_tree_make(&credentials);
	config_tree_puts(&t, "connectivity.json", "{" PROXY "," URL "," CLIENT "}");
	config_tree_puts(&credentials, "connectivity.json", secret);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", credentials.path, 1), 0);
	ck_assert_int_eq(connectivity_build_request(t.path, NULL, &q, &why), 0);
	ck_assert_ptr_nonnull(strstr(q.body.data, "client_secret=from-the-manager"));
	/* or all of it, without the file */
	config_tree_puts(
	    &credentials, "connectivity.json", "{\"credentials\":{" URL "," CLIENT "}}");
	ck_assert_int_eq(
	    connectivity_build_request(credentials.path, NULL, &alone, &why), 0);
}
END_TEST

START_TEST(test_file_must_be_there_and_private)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_free_ char *why = NULL, *why_open = NULL;
	struct token_request q;

	config_tree_make(&t);
	ck_assert_int_eq(connectivity_build_request(t.path, NULL, &q, &why), -ENOENT);
	ck_assert_msg(strstr(why, "connectivity.json: there is no such file") &&
			  strstr(why, "OnPremise"),
	    "the reason is '%s'", why);
	config_tree_puts(&t, "connectivity.json", "{" URL "," CLIENT "}");
	config_tree_chmod(&t, "connectivity.json", 0644);
	ck_assert_int_eq(connectivity_build_request(t.path, NULL, &q, &why_open), -EPERM);
	ck_assert_ptr_nonnull(strstr(why_open, "chmod o="));
}
END_TEST

START_TEST(test_secrets_are_wiped)
{
	static const char *const rows[] = {
	    URL ",\"clientid\":\"i\",\"clientsecret\":\"CANARY\"",
	    X509 ",\"clientsecret\":\"CANARY\"",
	    ("\"clientid\":\"i\",\"certurl\":\"https://p.x\",\"certificate\":\"C\","
	     "\"key\":\"CANARY\""),
	};

	freed_memory_watch("CANARY");
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct token_request t = {0};
		char *why;

		ck_assert_int_eq(build(rows[i], NULL, &t, &why), 0);
		token_request_done(&t);
		ck_assert_msg(freed_memory_hits() == 0, "row %zu is left", i);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_finds_the_proxy,
	    test_builds_requests,
	    test_names_what_is_wrong,
	    test_names_what_is_wrong_with_the_proxy,
	    test_credentials_of_the_service_manager_win,
	    test_file_must_be_there_and_private,
	    test_secrets_are_wiped,
	};

	return check_program("connectivity", tests, ELEMENTSOF(tests));
}
