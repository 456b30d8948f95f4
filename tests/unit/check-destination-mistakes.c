/* SPDX-License-Identifier: Apache-2.0 */
/* Every mistake that an administrator can make with a destination's keys: it is refused,
 * and the reason names file and key and never shows the value. */

#include "destination.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "destination-sample.h"

/* Stands where a value is wrong. */
#define SECRET "hunter2"
#define TEN_TIMES(text) text text text text text text text text text text

struct mistake {
	const char *label, *keys, *key;
};

static void refuse_all(const char *frame, const struct mistake *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *json = NULL, *why = NULL, *quoted = NULL;
		struct destination d;
		int r;

		ck_assert_int_gt(asprintf(&json, "{%s%s}", frame, rows[i].keys), 0);
		ck_assert_int_gt(asprintf(&quoted, "key '%s' ", rows[i].key), 0);
		r = destination_sample_parse(json, &d, &why);
		ck_assert_msg(r == -EINVAL, "%s: is accepted (%d)", rows[i].label, r);
		ck_assert_msg(why && strstr(why, "d/x.json: ") == why &&
				  strstr(why, quoted) && !strstr(why, SECRET),
		    "%s: the reason is '%s'", rows[i].label, why);
	}
}

START_TEST(test_refuses_a_destination_without_its_first_keys)
{
	static const struct mistake rows[] = {
	    {"nothing", "", "Type"},
	    {"no type", BASIC "," SMTP, "Type"},
	    {"HTTP", "\"Type\":\"HTTP\"," BASIC "," SMTP, "Type"},
	    {"lower case", "\"Type\":\"mail\"," BASIC "," SMTP, "Type"},
	    {"type is a number", "\"Type\":1," BASIC "," SMTP, "Type"},
	    {"type is an array", "\"Type\":[\"MAIL\"]," BASIC "," SMTP, "Type"},
	    {"type is null", "\"Type\":null," BASIC "," SMTP, "Type"},
	    {"placeholder", "\"Type\":\"<" SECRET ">\"," SMTP, "Type"},
	    {"no protocol", HEAD "," BASIC, "mail.transport.protocol"},
	    {"two hosts, no protocol",
		HEAD "," BASIC ",\"mail.smtp.host\":\"a\",\"mail.imap4.host\":\"b\"",
		"mail.transport.protocol"},
	    {"no authentication", HEAD "," SMTP ",\"mail.user\":\"u\"", "Authentication"},
	};

	refuse_all("", rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_refuses_unknown_words)
{
	static const struct mistake rows[] = {
	    {"protocol", "\"mail.transport.protocol\":\"" SECRET "\"",
		"mail.transport.protocol"},
	    {"protocol in another case", "\"mail.transport.protocol\":\"SMTP\"",
		"mail.transport.protocol"},
	    {"no protocol", "\"mail.transport.protocol\":\"\"",
		"mail.transport.protocol"},
	    {"protocol is an object", "\"mail.transport.protocol\":{}",
		"mail.transport.protocol"},
	    {"pop", "\"mail.transport.protocol\":\"pop\"", "mail.transport.protocol"},
	    {"proxy type", SMTP ",\"ProxyType\":\"" SECRET "\"", "ProxyType"},
	    {"proxy type in another case", SMTP ",\"ProxyType\":\"internet\"",
		"ProxyType"},
	    {"private link", SMTP ",\"ProxyType\":\"PrivateLink\"", "ProxyType"},
	    {"proxy type is a boolean", SMTP ",\"ProxyType\":true", "ProxyType"},
	    {"authentication", SMTP ",\"Authentication\":\"" SECRET "\"",
		"Authentication"},
	    {"authentication in another case",
		SMTP ",\"Authentication\":\"basicauthentication\"", "Authentication"},
	    {"authentication of another type",
		SMTP ",\"Authentication\":\"OAuth2Password\"", "Authentication"},
	    {"no word for authentication", SMTP ",\"Authentication\":\"\"",
		"Authentication"},
	    {"authentication is an array", SMTP ",\"Authentication\":[]",
		"Authentication"},
	};

	refuse_all("\"Type\":\"MAIL\",", rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_refuses_bad_values)
{
	static const struct mistake rows[] = {
	    {"port 0", "\"mail.smtp.port\":0", "mail.smtp.port"},
	    {"port 70000", "\"mail.smtp.port\":\"70000\"", "mail.smtp.port"},
	    {"port abc", "\"mail.smtp.port\":\"abc" SECRET "\"", "mail.smtp.port"},
	    {"port negative", "\"mail.smtp.port\":-25", "mail.smtp.port"},
	    {"port empty", "\"mail.smtp.port\":\"\"", "mail.smtp.port"},
	    {"port with a blank", "\"mail.smtp.port\":\"587 \"", "mail.smtp.port"},
	    {"port with a fraction", "\"mail.smtp.port\":587.5", "mail.smtp.port"},
	    {"port is an array", "\"mail.smtp.port\":[587]", "mail.smtp.port"},
	    {"port placeholder", "\"mail.smtp.port\":\"<" SECRET ">\"", "mail.smtp.port"},
	    {"auth", "\"mail.smtp.auth\":\"maybe\"", "mail.smtp.auth"},
	    {"auth is a number", "\"mail.smtp.auth\":1", "mail.smtp.auth"},
	    {"user with SOH", "\"mail.user\":\"a\\u0001auth=Bearer " SECRET "\"",
		"mail.user"},
	    {"user with a line break", "\"mail.user\":\"" SECRET "\\r\\nQUIT\"",
		"mail.user"},
	    {"user placeholder", "\"mail.user\":\"<" SECRET ">\"", "mail.user"},
	    {"user empty", "\"mail.user\":\"\"", "mail.user"},
	    {"user is an object", "\"mail.user\":{}", "mail.user"},
	    {"password placeholder", "\"mail.password\":\"<" SECRET ">\"",
		"mail.password"},
	    {"password with a line break", "\"mail.password\":\"" SECRET "\\n\"",
		"mail.password"},
	    {"password with SOH", "\"mail.password\":\"\\u0001" SECRET "\"",
		"mail.password"},
	    {"password with DEL", "\"mail.password\":\"" SECRET "\x7f\"",
		"mail.password"},
	    {"password is an array", "\"mail.password\":[\"" SECRET "\"]",
		"mail.password"},
	    {"own password with a tab", "\"mail.smtp.password\":\"" SECRET "\\t\"",
		"mail.smtp.password"},
	    {"mechanisms empty", "\"mail.smtp.auth.mechanisms\":\"\"",
		"mail.smtp.auth.mechanisms"},
	    {"time-out 0", "\"mail.smtp.timeout\":0", "mail.smtp.timeout"},
	    {"time-out endless", "\"mail.smtp.timeout\":-1", "mail.smtp.timeout"},
	    {"time-out in words", "\"mail.smtp.connectiontimeout\":\"10s\"",
		"mail.smtp.connectiontimeout"},
	    {"time-out of days", "\"mail.smtp.writetimeout\":86400000",
		"mail.smtp.writetimeout"},
	    {"local host of two words", "\"mail.smtp.localhost\":\"a b\"",
		"mail.smtp.localhost"},
	    {"local host with a line break", "\"mail.smtp.localhost\":\"a\\r\\nMAIL\"",
		"mail.smtp.localhost"},
	    {"local host not ASCII", "\"mail.smtp.localhost\":\"\xc3\xa4\"",
		"mail.smtp.localhost"},
	    {"starttls", "\"mail.smtp.starttls.enable\":\"on\"",
		"mail.smtp.starttls.enable"},
	    {"starttls required", "\"mail.smtp.starttls.required\":2",
		"mail.smtp.starttls.required"},
	    {"ssl", "\"mail.smtp.ssl.enable\":\"\"", "mail.smtp.ssl.enable"},
	    {"identity", "\"mail.smtp.ssl.checkserveridentity\":\"no\"",
		"mail.smtp.ssl.checkserveridentity"},
	    {"trust all", "\"TrustAll\":\"perhaps\"", "TrustAll"},
	    {"location id is an array", "\"CloudConnectorLocationId\":[\"" SECRET "\"]",
		"CloudConnectorLocationId"},
	    {"location id placeholder", "\"CloudConnectorLocationId\":\"<" SECRET ">\"",
		"CloudConnectorLocationId"},
	    {"location id of 190 bytes",
		"\"CloudConnectorLocationId\":\"" TEN_TIMES("12345678901234567")
		    TEN_TIMES("12") "\"",
		"CloudConnectorLocationId"},
	    {"proxy's host with a port", "\"mail.smtp.socks.host\":\"" SECRET ":1080\"",
		"mail.smtp.socks.host"},
	    {"proxy's port", "\"mail.smtp.socks.port\":0", "mail.smtp.socks.port"},
	    {"proxy's user without a password", "\"mail.smtp.socks.user\":\"" SECRET "\"",
		"mail.smtp.socks.user"},
	    {"proxy's user of 256 bytes",
		"\"mail.smtp.socks.user\":\"" TEN_TIMES(
		    "1234567890123456789012345") "123456\",\"mail.smtp.socks.password\":"
						 "\"" SECRET "\"",
		"mail.smtp.socks.user"},
	    {"proxy's password of 256 bytes",
		"\"mail.smtp.socks.user\":\"u\",\"mail.smtp.socks.password\":"
		"\"" TEN_TIMES("1234567890123456789012345") "123456\"",
		"mail.smtp.socks.user"},
	    {"proxy's password with a line break",
		"\"mail.smtp.socks.user\":\"u\",\"mail.smtp.socks.password\":\"" SECRET
		"\\n\"",
		"mail.smtp.socks.password"},
	    {"key store outside", "\"KeyStoreLocation\":\"../" SECRET "\"",
		"KeyStoreLocation"},
	    {"key store without a name", "\"KeyStoreLocation\":\"\"", "KeyStoreLocation"},
	    {"key store's password with a line break",
		"\"KeyStorePassword\":\"" SECRET "\\r\"", "KeyStorePassword"},
	    {"trust store outside", "\"TrustStoreLocation\":\"../../" SECRET "\"",
		"TrustStoreLocation"},
	};

	/* OAuth, so that "mail.user" and "mail.password" can be the rows' own */
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		bool user = strncmp(rows[i].keys, "\"mail.user\"", 11) == 0;

		refuse_all(user ? HEAD "," SMTP
				       ",\"Authentication\":\"OAuth2RefreshToken\","
				: HEAD "," SMTP "," OAUTH ",",
		    &rows[i], 1);
	}
}
END_TEST

START_TEST(test_refuses_what_is_missing)
{
	static const struct mistake rows[] = {
	    {"host", BASIC ",\"mail.transport.protocol\":\"smtp\"", "mail.smtp.host"},
	    {"host is null",
		BASIC ",\"mail.transport.protocol\":\"imap4\",\"mail.imap4.host\":null",
		"mail.imap4.host"},
	    {"host of another protocol",
		BASIC ",\"mail.transport.protocol\":\"imap4\",\"mail.smtp.host\":\"h\"",
		"mail.imap4.host"},
	    {"host is an array",
		BASIC ",\"mail.transport.protocol\":\"smtp\",\"mail.smtp.host\":[]",
		"mail.smtp.host"},
	    {"host placeholder", BASIC ",\"mail.smtp.host\":\"<" SECRET ">\"",
		"mail.smtp.host"},
	    {"user", SMTP ",\"Authentication\":\"OAuth2ClientCredentials\"", "mail.user"},
	    {"user, basic",
		SMTP ",\"Authentication\":\"BasicAuthentication\","
		     "\"mail.password\":\"" SECRET "\"",
		"mail.user"},
	    {"password",
		SMTP ",\"Authentication\":\"BasicAuthentication\",\"mail.user\":\"u\"",
		"mail.password"},
	};

	refuse_all(HEAD ",", rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_refuses_what_on_premise_cannot_do)
{
	static const struct mistake rows[] = {
	    {"smtps", "\"mail.smtps.host\":\"h\"", "mail.transport.protocol"},
	    {"imaps by its alias", "\"mail.imaps.host\":\"h\"",
		"mail.transport.protocol"},
	    {"pop3s", "\"mail.pop3s.host\":\"h\"", "mail.transport.protocol"},
	    {"another proxy",
		"\"mail.smtp.host\":\"h\",\"mail.smtp.socks.host\":\"" SECRET "\"",
		"mail.smtp.socks.host"},
	    {"an IPv6 address", "\"mail.imap4.host\":\"2001:db8::1\"", "mail.imap4.host"},
	    {"an IPv6 address in brackets", "\"mail.pop3.host\":\"[2001:db8::1]\"",
		"mail.pop3.host"},
	    {"a host of 256 bytes",
		"\"mail.smtp.host\":\"" TEN_TIMES("a23456789012345678901234.") "b12345\"",
		"mail.smtp.host"},
	};

	refuse_all("\"Type\":\"MAIL\",\"ProxyType\":\"OnPremise\"," BASIC ",", rows,
	    ELEMENTSOF(rows));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_refuses_a_destination_without_its_first_keys,
	    test_refuses_unknown_words,
	    test_refuses_bad_values,
	    test_refuses_what_is_missing,
	    test_refuses_what_on_premise_cannot_do,
	};

	return check_program("destination-mistakes", tests, ELEMENTSOF(tests));
}
