/* SPDX-License-Identifier: Apache-2.0 */
/* Token services' URLs: tenants put in as SAP's tables show, everything odd refused. */

#include "dns-name.h"
#include "url.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"

START_TEST(test_inserts_the_tenant)
{
	static const struct {
		const char *url, *want;
	} rows[] = {
	    {"https://authentication.us10.hana.ondemand.com/oauth/token",
		"https://mytenant.authentication.us10.hana.ondemand.com/oauth/token"},
	    {"https://{tenant}.authentication.us10.hana.ondemand.com/oauth/token",
		"https://mytenant.authentication.us10.hana.ondemand.com/oauth/token"},
	    {"https://authentication.myauthserver.com/tenant/{tenant}/oauth/token",
		"https://authentication.myauthserver.com/tenant/mytenant/oauth/token"},
	    {"https://oauth.{tenant}.myauthserver.com/token",
		"https://oauth.mytenant.myauthserver.com/token"},
	    {"https://{tenant}.a/{tenant}?t={tenant}",
		"https://mytenant.a/mytenant?t=mytenant"},
	    {"https://127.0.0.1/{tenant}", "https://127.0.0.1/mytenant"},
	    {"https://a:8443/x", "https://mytenant.a:8443/x"},
	    {"https://127.0.0.1/x", NULL},
	    {"https://127.0.0.1:1/x", NULL},
	    {"https://[::1]/x", NULL},
	    {"https:///x", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};
		int r = url_insert_tenant(rows[i].url, "mytenant", &out);

		ck_assert_msg(
		    r == (rows[i].want ? 0 : -EINVAL), "%s: %d", rows[i].url, r);
		if (rows[i].want)
			ck_assert_str_eq(secret_str(&out), rows[i].want);
	}
}
END_TEST

START_TEST(test_accepts_urls)
{
	static const struct {
		const char *url, *host;
	} rows[] = {
	    {"https://a", "a"},
	    {"HTTPS://a.example/", "a.example"},
	    {"https://a.example:443/oauth/token?grant_type=client_credentials",
		"a.example"},
	    {"https://a_b.example?x", "a_b.example"},
	    {"https://a.example/mail@b", "a.example"},
	    {"https://192.0.2.1/", "192.0.2.1"},
	    {"https://[2001:db8::1]:65535/", "2001:db8::1"},
	    {"http://localhost:1/", "localhost"},
	    {"http://LOCALHOST/", "LOCALHOST"},
	    {"http://127.0.0.1/", "127.0.0.1"},
	    {"http://127.9.9.9/", "127.9.9.9"},
	    {"http://[::1]/", "::1"},
	    {"http://tenant.localhost/", "tenant.localhost"},
	    {"http://a.b.LocalHost:80/", "a.b.LocalHost"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *host = NULL;
		const char *reason = NULL;
		int r = url_check(rows[i].url, URL_PLAIN_LOOPBACK, &host, &reason);

		ck_assert_msg(r == 0, "%s: %s", rows[i].url, reason);
		ck_assert_str_eq(host, rows[i].host);
	}
}
END_TEST

START_TEST(test_refuses_urls)
{
	static const char *const rows[] = {
	    "",
	    "a.example",
	    "ftp://a.example/",
	    "https:/a.example/",
	    "https://",
	    "https:///token",
	    "https://:443/",
	    "https://user@a.example/",
	    "https://user:password@a.example/",
	    "https://a.example@evil.example/",
	    "https://a.example\\@evil.example/",
	    "https://a.example:0/",
	    "https://a.example:65536/",
	    "https://a.example:/",
	    "https://a.example:44x/",
	    "https://a.example:-1/",
	    "https://.a.example/",
	    "https://-/",
	    "https://a..example/",
	    "https://a.exa mple/",
	    "https://a.example/x y",
	    "https://a.example/\r\nX: y",
	    "https://a.example/\x7f",
	    "https://a.ex\xc3\xa4mple/",
	    "https://a.example/#fragment",
	    "https://a.example/{tenant}",
	    "https://a.example/<x>",
	    "https://[::1",
	    "https://[nonsense]/",
	    "https://[::1]x/",
	    "https://::1/",
	    "http://a.example/",
	    "http://192.0.2.1/",
	    "http://127.0.0.1.evil.example/",
	    "http://localhost.evil.example/",
	    "http://evillocalhost/",
	    "http://localhost@evil.example/",
	    "http://[2001:db8::1]/",
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *host = NULL;
		const char *reason = NULL;

		ck_assert_msg(
		    url_check(rows[i], URL_PLAIN_LOOPBACK, &host, &reason) == -EINVAL,
		    "'%s'", rows[i]);
		ck_assert_msg(reason && !host, "'%s' without a reason", rows[i]);
	}
}
END_TEST

START_TEST(test_plain_http_may_be_allowed)
{
	static const char *const rows[] = {"http://a.example/", "http://192.0.2.1:81/",
	    "http://[2001:db8::1]/", "https://a.example/"};
	const char *reason;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *host = NULL;

		ck_assert_msg(url_check(rows[i], URL_PLAIN_ANYWHERE, &host, &reason) == 0,
		    "'%s': %s", rows[i], reason);
	}
}
END_TEST

START_TEST(test_replaces_the_tenant)
{
	static const struct {
		const char *url, *want; /* NULL: it has no place for one */
	} rows[] = {
	    {"https://provider.auth.example/oauth/token",
		"https://acme.auth.example/oauth/token"},
	    {"https://provider.auth.example:8443/x?y",
		"https://acme.auth.example:8443/x?y"},
	    {"https://provider.localhost", "https://acme.localhost"},
	    {"https://localhost/", NULL},
	    {"https://localhost:8443/a.b", NULL},
	    {"https://localhost./", NULL},
	    {"https://192.0.2.1/", NULL},
	    {"https://192.0.2.1:443/", NULL},
	    {"https://[2001:db8::1]/", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};
		int r = url_replace_tenant(rows[i].url, "acme", &out);

		ck_assert_msg(
		    r == (rows[i].want ? 0 : -EINVAL), "%s: gives %d", rows[i].url, r);
		ck_assert_msg(
		    strcmp(secret_str(&out), rows[i].want ? rows[i].want : "") == 0,
		    "%s: becomes %s", rows[i].url, secret_str(&out));
	}
}
END_TEST

START_TEST(test_takes_urls_apart)
{
	static const struct {
		const char *url, *path;
		unsigned port;
	} rows[] = {
	    {"https://a.example", "", 443},
	    {"http://a.example/", "/", 80},
	    {"https://a.example:8443/x:1", "/x:1", 8443},
	    {"http://a.example?x=:1", "?x=:1", 80},
	    {"https://[2001:db8::1]/x", "/x", 443},
	    {"https://[2001:db8::1]:444/x", "/x", 444},
	    {"https://[::]", "", 443},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		ck_assert_str_eq(url_path(rows[i].url), rows[i].path);
		ck_assert_msg(url_port(rows[i].url) == rows[i].port, "%s: has port %u",
		    rows[i].url, (unsigned)url_port(rows[i].url));
	}
}
END_TEST

START_TEST(test_encodes_all_but_unreserved_characters)
{
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(url_encode(&out, "aZ09-._~"), 0);
	ck_assert_str_eq(secret_str(&out), "aZ09-._~");
	secret_clear(&out);
	ck_assert_int_eq(url_encode(&out, "a b+c&d=e%f/g?h\xc3\xa4!|\x01"), 0);
	ck_assert_str_eq(
	    secret_str(&out), "a%20b%2Bc%26d%3De%25f%2Fg%3Fh%C3%A4%21%7C%01");
	secret_clear(&out);
	ck_assert_int_eq(url_add_pair(&out, '&', "a&", "=b"), 0);
	ck_assert_str_eq(secret_str(&out), "&a%26=%3Db");
}
END_TEST

START_TEST(test_dns_labels)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
	    {"a", true},
	    {"A-9", true},
	    {"123456789012345678901234567890123456789012345678901234567890123", true},
	    {"1234567890123456789012345678901234567890123456789012345678901234", false},
	    {"", false},
	    {"-a", false},
	    {"a-", false},
	    {"a.b", false},
	    {"a/b", false},
	    {"a@b", false},
	    {"a_b", false},
	    {"\xc3\xa4", false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		ck_assert_msg(dns_label_is_valid(rows[i].text, strlen(rows[i].text)) ==
				  rows[i].want,
		    "'%s'", rows[i].text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_inserts_the_tenant,
	    test_accepts_urls,
	    test_refuses_urls,
	    test_plain_http_may_be_allowed,
	    test_replaces_the_tenant,
	    test_takes_urls_apart,
	    test_encodes_all_but_unreserved_characters,
	    test_dns_labels,
	};

	return check_program("url", tests, ELEMENTSOF(tests));
}
