/* SPDX-License-Identifier: Apache-2.0 */
/* From keys to a destination: values and defaults. */

#include "destination.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "destination-sample.h"
#include "freed-memory.h"

/* Must not be left in memory. */
#define SECRET "hunter2"
static void parse_good(const char *json, struct destination *d)
{
	_cleanup_free_ char *why = NULL;
	int r = destination_sample_parse(json, d, &why);

	ck_assert_msg(r == 0 && !why, "%s: %s", json, why);
}

START_TEST(test_sap_sample_of_each_protocol)
{
	static const struct {
		const char *protocol;
		enum mail_protocol want;
		uint16_t port;
		enum tls_mode tls_mode;
	} rows[] = {
	    {"smtp", MAIL_SMTP, 587, TLS_STARTTLS_REQUIRED},
	    {"smtps", MAIL_SMTPS, 465, TLS_IMPLICIT},
	    {"imap4", MAIL_IMAP4, 143, TLS_STARTTLS_REQUIRED},
	    {"imap4s", MAIL_IMAP4S, 993, TLS_IMPLICIT},
	    {"pop3", MAIL_POP3, 110, TLS_STARTTLS_REQUIRED},
	    {"pop3s", MAIL_POP3S, 995, TLS_IMPLICIT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_destination_ struct destination d = {0};
		_cleanup_free_ char *json = NULL;
		const char *p = rows[i].protocol;

		ck_assert_int_gt(asprintf(&json,
				     "{\"Name\":\"x\"," HEAD "," BASIC ","
				     "\"Description\":\"a sample\","
				     "\"mail.transport.protocol\":\"%s\","
				     "\"mail.%s.host\":\"%s.example.com\","
				     "\"mail.%s.port\":\"%u\",\"mail.%s.auth\":\"true\"}",
				     p, p, p, p, rows[i].port + 1u, p),
		    0);
		parse_good(json, &d);
		ck_assert_str_eq(d.name, "x");
		ck_assert_int_eq(d.protocol, rows[i].want);
		ck_assert_str_eq(mail_protocol_name(d.protocol), p);
		ck_assert_uint_eq(mail_protocol_port(d.protocol), rows[i].port);
		ck_assert_uint_eq(d.port, rows[i].port + 1);
		ck_assert_int_eq(strncmp(d.host, p, strlen(p)), 0);
		ck_assert_int_eq(d.proxy_type, PROXY_INTERNET);
		ck_assert_int_eq(d.authentication, AUTH_BASIC);
		ck_assert_str_eq(d.user, "user");
		ck_assert_str_eq(d.password, "pass");
		ck_assert_int_eq(d.tls_mode, rows[i].tls_mode);
		ck_assert(d.login && !d.clear_text_allowed);
	}
}
END_TEST

START_TEST(test_defaults)
{
	_cleanup_destination_ struct destination d = {0};

	parse_good("{\"Type\":\"MAIL\"," OAUTH "," SMTP "}", &d);
	ck_assert_int_eq(d.proxy_type, PROXY_INTERNET);
	ck_assert_uint_eq(d.port, 587);
	ck_assert(d.login);
	ck_assert_ptr_null(d.password);
	ck_assert_ptr_null(d.mechanisms);
	ck_assert_ptr_null(d.local_host);
	ck_assert_ptr_null(d.trust.trust_store);
	ck_assert_ptr_null(d.trust.trusted_hosts);
	ck_assert(!d.trust.insecure_trust_all);
	ck_assert_int_eq(d.trust.verification, HOST_VERIFY_STRICT);
	ck_assert_uint_eq(d.connect_timeout_usec, 10 * USEC_PER_SEC);
	ck_assert_uint_eq(d.reply_timeout_usec, 20 * USEC_PER_SEC);
	ck_assert_uint_eq(d.write_timeout_usec, 60 * USEC_PER_SEC);
}
END_TEST

START_TEST(test_jakarta_mails_keys)
{
	_cleanup_destination_ struct destination d = {0};

	parse_good("{" HEAD "," BASIC ",\"mail.transport.protocol\":\"imap4s\","
		   "\"mail.imap4s.host\":\"h\",\"mail.imap4s.port\":9993,"
		   "\"mail.imap4s.user\":\"other\",\"mail.imap4s.password\":\"own\","
		   "\"mail.imap4s.auth.mechanisms\":\"LOGIN PLAIN\","
		   "\"mail.imap4s.connectiontimeout\":\"1500\","
		   "\"mail.imap4s.timeout\":2500,\"mail.imap4s.writetimeout\":1,"
		   "\"mail.imap4s.localhost\":\"[192.0.2.1]\","
		   "\"mail.imap4s.ssl.checkserveridentity\":false,"
		   "\"mail.imap4s.ssl.trust\":\"h other\","
		   "\"TrustStoreLocation\":\"ca.pem\"}",
	    &d);
	ck_assert_uint_eq(d.port, 9993);
	ck_assert_str_eq(d.user, "other");
	ck_assert_str_eq(d.password, "own");
	ck_assert_str_eq(d.mechanisms, "LOGIN PLAIN");
	ck_assert_uint_eq(d.connect_timeout_usec, 1500 * USEC_PER_MSEC);
	ck_assert_uint_eq(d.reply_timeout_usec, 2500 * USEC_PER_MSEC);
	ck_assert_uint_eq(d.write_timeout_usec, USEC_PER_MSEC);
	ck_assert_str_eq(d.local_host, "[192.0.2.1]");
	ck_assert_int_eq(d.trust.verification, HOST_VERIFY_NONE);
	ck_assert_str_eq(d.trust.trusted_hosts, "h other");
	ck_assert_str_eq(d.trust.trust_store, "ca.pem");
}
END_TEST

START_TEST(test_other_protocols_and_unknown_keys_do_not_matter)
{
	_cleanup_destination_ struct destination d = {0};

	parse_good("{" HEAD "," BASIC "," SMTP ",\"mail.smtps.port\":\"abc\","
		   "\"mail.imap4.host\":[],\"mail.smtp.provider.class\":\"a.b.C\","
		   "\"mail.x\":null,\"x\":{\"y\":[1]},\"mail.smtp.hosts\":1}",
	    &d);
	ck_assert_str_eq(d.host, "mail.example.com");
	ck_assert_uint_eq(d.port, 587);
}
END_TEST

START_TEST(test_protocol_is_inferred_and_has_aliases)
{
	static const struct {
		const char *keys;
		enum mail_protocol want;
	} rows[] = {
	    {"\"mail.smtp.host\":\"h\"", MAIL_SMTP},
	    {"\"mail.pop3s.host\":\"h\"", MAIL_POP3S},
	    {"\"mail.imap4.host\":\"h\"", MAIL_IMAP4},
	    {"\"mail.imap.host\":\"h\"", MAIL_IMAP4},
	    {"\"mail.imaps.host\":\"h\"", MAIL_IMAP4S},
	    {"\"mail.transport.protocol\":\"imap\",\"mail.imap.host\":\"h\"", MAIL_IMAP4},
	    {"\"mail.transport.protocol\":\"imap\",\"mail.imap4.host\":\"h\"",
		MAIL_IMAP4},
	    {"\"mail.transport.protocol\":\"imap4\",\"mail.imap.host\":\"h\"",
		MAIL_IMAP4},
	    {"\"mail.transport.protocol\":\"imaps\",\"mail.imap4s.host\":\"h\"",
		MAIL_IMAP4S},
	    {"\"mail.transport.protocol\":\"imap4\",\"mail.imap4.host\":\"h\","
	     "\"mail.imap.host\":\"other\"",
		MAIL_IMAP4},
	    {"\"mail.transport.protocol\":\"smtp\",\"mail.smtp.host\":\"h\","
	     "\"mail.imap4.host\":\"other\"",
		MAIL_SMTP},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_destination_ struct destination d = {0};
		_cleanup_free_ char *json = NULL;

		ck_assert_int_gt(
		    asprintf(&json, "{" HEAD "," BASIC ",%s}", rows[i].keys), 0);
		parse_good(json, &d);
		ck_assert_msg(d.protocol == rows[i].want && strcmp(d.host, "h") == 0,
		    "%s: %s at %s", rows[i].keys, mail_protocol_name(d.protocol), d.host);
	}
}
END_TEST

START_TEST(test_authentication)
{
	static const struct {
		const char *keys;
		enum authentication want;
		bool oauth, login;
	} rows[] = {
	    {BASIC, AUTH_BASIC, false, true},
	    {OAUTH, AUTH_CLIENT_CREDENTIALS, true, true},
	    {"\"Authentication\":\"OAuth2RefreshToken\",\"mail.user\":\"u\"",
		AUTH_REFRESH_TOKEN, true, true},
	    {"\"Authentication\":\"OAuth2AuthorizationCode\",\"mail.user\":\"u\"",
		AUTH_AUTHORIZATION_CODE, true, true},
	    {"\"Authentication\":\"NoAuthentication\"", AUTH_NONE, false, false},
	    {"\"mail.user\":\"u\",\"mail.password\":\"p\"", AUTH_BASIC, false, true},
	    {"\"mail.user\":\"u\",\"mail.password\":\"\"", AUTH_BASIC, false, true},
	    {"\"Authentication\":\"BasicAuthentication\",\"mail.smtp.auth\":\"false\"",
		AUTH_BASIC, false, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_destination_ struct destination d = {0};
		_cleanup_free_ char *json = NULL;

		ck_assert_int_gt(
		    asprintf(&json, "{" HEAD "," SMTP ",%s}", rows[i].keys), 0);
		parse_good(json, &d);
		ck_assert_msg(
		    d.authentication == rows[i].want &&
			authentication_is_oauth(d.authentication) == rows[i].oauth &&
			d.login == rows[i].login,
		    "%s: %s, login %d", rows[i].keys,
		    authentication_name(d.authentication), d.login);
	}
}
END_TEST

START_TEST(test_password_belongs_to_basic_authentication_only)
{
	_cleanup_destination_ struct destination d = {0};

	freed_memory_watch(SECRET);
	parse_good("{" HEAD "," OAUTH "," SMTP ",\"mail.password\":\"" SECRET "\"}", &d);
	ck_assert_ptr_null(d.password);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

START_TEST(test_passwords_are_taken_as_they_are)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
	    {"\"\"", ""},
	    {"\" \"", " "},
	    {"\"a<b>c\"", "a<b>c"},
	    {"\"<\"", "<"},
	    {"\"\\\"\\\\\\/\"", "\"\\/"},
	    {"12345", "12345"},
	    {"\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_destination_ struct destination d = {0};
		_cleanup_free_ char *json = NULL;

		ck_assert_int_gt(asprintf(&json,
				     "{" HEAD "," SMTP ",\"mail.user\":\"u\","
				     "\"mail.password\":%s}",
				     rows[i].json),
		    0);
		parse_good(json, &d);
		ck_assert_str_eq(d.password, rows[i].want);
	}
}
END_TEST

START_TEST(test_hosts)
{
	static const struct {
		const char *host, *want;
	} rows[] = {
	    {"mail.example.com", "mail.example.com"},
	    {"localhost", "localhost"},
	    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
	    {"my_host.internal.", "my_host.internal."},
	    {"192.0.2.1", "192.0.2.1"},
	    {"2001:db8::1", "2001:db8::1"},
	    {"[2001:db8::1]", "2001:db8::1"},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	    {"", NULL},
	    {"[]", NULL},
	    {"[", NULL},
	    {"mail.example.com:587", NULL},
	    {"192.0.2.1:25", NULL},
	    {"cafe:25", NULL},
	    {"[2001:db8::1]:25", NULL},
	    {"1:2:3", NULL},
	    {"fe80::1%eth0", NULL},
	    {"smtp://mail.example.com", NULL},
	    {"mail.example.com/", NULL},
	    {"user@mail.example.com", NULL},
	    {" mail.example.com", NULL},
	    {"mail example.com", NULL},
	    {"b\xc3\xbc"
	     "cher.example",
		NULL},
	    {"a,b", NULL},
	    {"*.example.com", NULL},
	    {"$(id)", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_destination_ struct destination d = {0};
		_cleanup_free_ char *json = NULL, *why = NULL;
		int r;

		ck_assert_int_gt(
		    asprintf(&json, "{" HEAD "," BASIC ",\"mail.smtp.host\":\"%s\"}",
			rows[i].host),
		    0);
		r = destination_sample_parse(json, &d, &why);
		ck_assert_msg(r == (rows[i].want ? 0 : -EINVAL), "'%s': %d, %s",
		    rows[i].host, r, why);
		ck_assert_pstr_eq(d.host, rows[i].want);
	}
}
END_TEST

START_TEST(test_ssl_and_starttls)
{
	static const struct {
		const char *label, *proxy, *protocol, *keys;
		int want; /* enum tls_mode or -EINVAL */
		bool clear_text;
	} rows[] = {
	    {"nothing", "Internet", "smtp", "", TLS_STARTTLS_REQUIRED, false},
	    {"enable", "Internet", "smtp", ",E=true", TLS_STARTTLS_REQUIRED, false},
	    {"required", "Internet", "smtp", ",R=true", TLS_STARTTLS_REQUIRED, false},
	    {"both", "Internet", "smtp", ",E=true,R=true", TLS_STARTTLS_REQUIRED, false},
	    {"not enabled", "Internet", "smtp", ",E=false", -EINVAL, false},
	    {"required, not enabled", "Internet", "smtp", ",E=false,R=true", -EINVAL,
		false},
	    {"not required", "Internet", "smtp", ",R=false", TLS_STARTTLS_IF_OFFERED,
		false},
	    {"if offered", "Internet", "smtp", ",E=true,R=false", TLS_STARTTLS_IF_OFFERED,
		false},
	    {"neither", "Internet", "smtp", ",E=false,R=false", TLS_NEVER, true},
	    {"ssl", "Internet", "smtp", ",S=true", TLS_IMPLICIT, false},
	    {"ssl beats starttls", "Internet", "smtp", ",S=true,E=true,R=true",
		TLS_IMPLICIT, false},
	    {"no ssl", "Internet", "smtp", ",S=false", TLS_STARTTLS_REQUIRED, false},
	    {"smtps", "Internet", "smtps", "", TLS_IMPLICIT, false},
	    {"smtps without ssl", "Internet", "smtps", ",S=false", TLS_STARTTLS_REQUIRED,
		false},
	    {"smtps, starttls off", "Internet", "smtps", ",E=false", TLS_IMPLICIT, false},
	    {"imap4", "Internet", "imap4", "", TLS_STARTTLS_REQUIRED, false},
	    {"pop3s", "Internet", "pop3s", "", TLS_IMPLICIT, false},
	    {"on premise", "OnPremise", "smtp", "", TLS_NEVER, false},
	    {"on premise, enable", "OnPremise", "smtp", ",E=true",
		TLS_STARTTLS_IF_OFFERED, false},
	    {"on premise, required", "OnPremise", "smtp", ",R=true",
		TLS_STARTTLS_REQUIRED, false},
	    {"on premise, both", "OnPremise", "imap4", ",E=true,R=true",
		TLS_STARTTLS_REQUIRED, false},
	    {"on premise, required but not enabled", "OnPremise", "smtp",
		",E=false,R=true", -EINVAL, false},
	    {"on premise, neither", "OnPremise", "pop3", ",E=false,R=false", TLS_NEVER,
		true},
	    {"on premise, ssl", "OnPremise", "smtp", ",S=true", TLS_IMPLICIT, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		static const struct {
			char letter;
			const char *key;
		} names[] = {{'E', "starttls.enable"}, {'R', "starttls.required"},
		    {'S', "ssl.enable"}};
		_cleanup_destination_ struct destination d = {0};
		_cleanup_secret_ struct secret json = {0};
		_cleanup_free_ char *why = NULL;
		int r;

		ck_assert_int_eq(secret_printf(&json,
				     "{\"Type\":\"MAIL\",\"ProxyType\":\"%s\"," BASIC
				     ",\"mail.%s.host\":\"h\"",
				     rows[i].proxy, rows[i].protocol),
		    0);
		for (size_t k = 0; k < ELEMENTSOF(names); k++) {
			const char *at = strchr(rows[i].keys, names[k].letter);

			if (at)
				ck_assert_int_eq(
				    secret_printf(&json, ",\"mail.%s.%s\":\"%s\"",
					rows[i].protocol, names[k].key,
					at[2] == 't' ? "true" : "false"),
				    0);
		}
		ck_assert_int_eq(secret_puts(&json, "}"), 0);
		r = destination_sample_parse(json.data, &d, &why);
		ck_assert_msg(r == (rows[i].want < 0 ? rows[i].want : 0), "%s: %d, %s",
		    rows[i].label, r, why);
		ck_assert_msg(r < 0 || ((int)d.tls_mode == rows[i].want &&
					   d.clear_text_allowed == rows[i].clear_text),
		    "%s: mode %d, clear text %d", rows[i].label, d.tls_mode,
		    d.clear_text_allowed);
		ck_assert_msg(r == 0 || strstr(why, "starttls"), "%s: the reason is '%s'",
		    rows[i].label, why);
	}
}
END_TEST

START_TEST(test_a_fragment_wins_over_its_destination)
{
	static const char below[] = "{" HEAD "," BASIC "," SMTP ",\"mail.smtp.port\":25}";
	static const char above[] = "{\"FragmentName\":\"f\",\"mail.smtp.port\":\"2525\","
				    "\"mail.password\":\"other\"}";
	_cleanup_destination_ struct destination d = {0};
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(properties_add(&p, below, strlen(below), "below", &why), 0);
	ck_assert_int_eq(properties_add(&p, above, strlen(above), "above", &why), 0);
	ck_assert_int_eq(destination_parse("x", &p, &d, &why), 0);
	ck_assert_uint_eq(d.port, 2525);
	ck_assert_str_eq(d.password, "other");
	ck_assert_str_eq(d.user, "user");
}
END_TEST

START_TEST(test_secrets_are_wiped)
{
	static const char good[] = "{" HEAD "," SMTP ",\"mail.user\":\"u\","
				   "\"mail.password\":\"" SECRET "\","
				   "\"mail.smtp.password\":\"" SECRET "\","
				   "\"mail.smtp.socks.password\":\"" SECRET "\","
				   "\"KeyStorePassword\":\"" SECRET "\","
				   "\"TrustStorePassword\":\"" SECRET "\"}";
	static const char bad[] = "{" HEAD "," SMTP ",\"mail.user\":\"u\","
				  "\"mail.password\":\"" SECRET "\","
				  "\"TrustStorePassword\":\"" SECRET "\","
				  "\"mail.smtp.writetimeout\":\"x\"}";
	struct destination d = {0};
	_cleanup_free_ char *why = NULL;

	freed_memory_watch(SECRET);
	parse_good(good, &d);
	ck_assert_str_eq(d.password, SECRET);
	destination_done(&d);
	ck_assert_ptr_null(d.password);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	ck_assert_int_eq(destination_sample_parse(bad, &d, &why), -EINVAL);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_sap_sample_of_each_protocol,
	    test_defaults,
	    test_jakarta_mails_keys,
	    test_other_protocols_and_unknown_keys_do_not_matter,
	    test_protocol_is_inferred_and_has_aliases,
	    test_authentication,
	    test_password_belongs_to_basic_authentication_only,
	    test_passwords_are_taken_as_they_are,
	    test_hosts,
	    test_ssl_and_starttls,
	    test_a_fragment_wins_over_its_destination,
	    test_secrets_are_wiped,
	};

	return check_program("destination", tests, ELEMENTSOF(tests));
}
