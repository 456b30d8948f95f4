/* SPDX-License-Identifier: Apache-2.0 */
/* What a destination says of the way to its server, and of our certificate there. */

#include "destination.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "destination-sample.h"

static void parse_good(const char *json, struct destination *d)
{
	_cleanup_free_ char *why = NULL;
	int r = destination_sample_parse(json, d, &why);

	ck_assert_msg(r == 0 && !why, "%s: %s", json, why);
}

START_TEST(test_on_premise_has_three_protocols)
{
	static const char *const names[] = {
	    "smtp", "smtps", "imap4", "imap4s", "pop3", "pop3s"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_destination_ struct destination d = {0};
		_cleanup_free_ char *json = NULL, *why = NULL;
		int r;

		ck_assert_int_gt(
		    asprintf(&json,
			"{\"Type\":\"MAIL\",\"ProxyType\":\"OnPremise\"," BASIC ","
			"\"mail.%s.host\":\"virtual\"}",
			names[i]),
		    0);
		r = destination_sample_parse(json, &d, &why);
		ck_assert_msg(r == (i % 2 ? -EINVAL : 0), "%s: %d, %s", names[i], r, why);
		ck_assert(r < 0 || d.tls_mode == TLS_NEVER);
		ck_assert(r < 0 || !d.clear_text_allowed);
	}
}
END_TEST

START_TEST(test_proxies_and_our_certificate)
{
	_cleanup_destination_ struct destination d = {0};
	_cleanup_destination_ struct destination on_premise = {0};
	_cleanup_destination_ struct destination plain = {0};

	parse_good("{" HEAD "," BASIC "," SMTP
		   ",\"mail.smtp.socks.host\":\"[2001:db8::1]\","
		   "\"mail.smtp.socks.port\":\"1081\",\"mail.smtp.socks.user\":\"me\","
		   "\"mail.smtp.socks.password\":\""
		   "hunter2"
		   "\","
		   "\"KeyStoreLocation\":\"our.p12\",\"KeyStorePassword\":\"key\"}",
	    &d);
	ck_assert_str_eq(d.socks_host, "2001:db8::1");
	ck_assert_uint_eq(d.socks_port, 1081);
	ck_assert_str_eq(d.socks_user, "me");
	ck_assert_str_eq(d.socks_password, "hunter2");
	ck_assert_str_eq(d.key_store, "our.p12");
	ck_assert_str_eq(d.key_store_password, "key");
	ck_assert_ptr_null(d.location_id);
	parse_good("{\"Type\":\"MAIL\",\"ProxyType\":\"OnPremise\"," BASIC ","
		   "\"CloudConnectorLocationId\":\"orlando\","
		   "\"mail.imap.host\":\"virtual\"}",
	    &on_premise);
	ck_assert_str_eq(on_premise.location_id, "orlando");
	ck_assert_ptr_null(on_premise.socks_host);
	parse_good("{" HEAD "," BASIC "," SMTP ",\"CloudConnectorLocationId\":\"\","
		   "\"mail.smtp.socks.host\":\"proxy\"}",
	    &plain);
	ck_assert_uint_eq(plain.socks_port, 1080);
	ck_assert_ptr_null(plain.location_id);
	ck_assert_ptr_null(plain.socks_user);
	ck_assert_ptr_null(plain.key_store);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_on_premise_has_three_protocols,
	    test_proxies_and_our_certificate,
	};

	return check_program("destination-proxies", tests, ELEMENTSOF(tests));
}
