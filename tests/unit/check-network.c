/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, networks and endpoints as text. */

#include "network.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"

START_TEST(test_reads_and_writes_networks)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.0/24"},
	    {"192.0.2.1", "192.0.2.1/32"},
	    {"0.0.0.0/0", "0.0.0.0/0"},
	    {"2001:DB8::/32", "2001:db8::/32"},
	    {"2001:db8:0:0::1", "2001:db8::1/128"},
	    {"::/0", "::/0"},
	    {"192.0.2.1/24", NULL},
	    {"2001:db8::1/64", NULL},
	    {"192.0.2.0/33", NULL},
	    {"::/129", NULL},
	    {"192.0.2.0/", NULL},
	    {"192.0.2.0/024", NULL},
	    {"192.0.2.0/-1", NULL},
	    {"192.0.2.0/24/8", NULL},
	    {"192.0.2/24", NULL},
	    {"192.0.2.0x/24", NULL},
	    {"localhost", NULL},
	    {"fe80::1%lo", NULL},
	    {"", NULL},
	    {"/8", NULL},
	    {"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
		NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		char text[NETWORK_TEXT_MAX];
		struct network n;
		int r = network_parse(rows[i].text, &n, &why);

		ck_assert_msg(
		    r == (rows[i].want ? 0 : -EINVAL), "%s: %d", rows[i].text, r);
		ck_assert_msg(!why == (r == 0), "%s: reason '%s'", rows[i].text, why);
		if (r < 0)
			continue;
		network_format(&n, text);
		ck_assert_str_eq(text, rows[i].want);
	}
}
END_TEST

START_TEST(test_knows_who_is_in_a_network)
{
	static const struct {
		const char *network, *address;
		bool want;
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.255", true},
	    {"192.0.2.0/24", "192.0.3.0", false},
	    {"192.0.2.128/25", "192.0.2.127", false},
	    {"192.0.2.0/24", "::ffff:192.0.2.7", true},
	    {"192.0.2.0/24", "::ffff:192.0.3.7", false},
	    {"192.0.2.0/24", "::192.0.2.7", false},
	    {"0.0.0.0/0", "2001:db8::1", false},
	    {"::/0", "192.0.2.1", false},
	    {"::/0", "2001:db8::1", true},
	    {"2001:db8::/33", "2001:db8:7fff::", true},
	    {"2001:db8::/33", "2001:db8:8000::", false},
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.0", false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		struct network n;
		struct address a;

		ck_assert_int_eq(network_parse(rows[i].network, &n, &why), 0);
		ck_assert_int_eq(address_parse(rows[i].address, &a), 0);
		ck_assert_msg(network_contains(&n, &a) == rows[i].want, "%s in %s",
		    rows[i].address, rows[i].network);
	}
}
END_TEST

START_TEST(test_reads_and_writes_endpoints)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
		bool loopback, wildcard;
	} rows[] = {
	    {"127.0.0.1:587", "127.0.0.1:587", true, false},
	    {"127.9.9.9", "127.9.9.9:0", true, false},
	    {"192.0.2.1:65535", "192.0.2.1:65535", false, false},
	    {"0.0.0.0:1", "0.0.0.0:1", false, true},
	    {"[::1]:587", "[::1]:587", true, false},
	    {"[::]:587", "[::]:587", false, true},
	    {"::1", "[::1]:0", true, false},
	    {"[::1]", "[::1]:0", true, false},
	    {"127.0.0.1:0", NULL, false, false},
	    {"127.0.0.1:65536", NULL, false, false},
	    {"127.0.0.1:", NULL, false, false},
	    {"127.0.0.1:587x", NULL, false, false},
	    {"127.0.0.1:0587", NULL, false, false},
	    {"[127.0.0.1]:587", NULL, false, false},
	    {"[::1", NULL, false, false},
	    {"[::1]587", NULL, false, false},
	    {":587", NULL, false, false},
	    {"587", NULL, false, false},
	    {"localhost:587", NULL, false, false},
	    {"127.1:587", NULL, false, false},
	    {"", NULL, false, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		char text[NETWORK_TEXT_MAX];
		struct endpoint e;
		int r = endpoint_parse(rows[i].text, &e, &why);

		ck_assert_msg(
		    r == (rows[i].want ? 0 : -EINVAL), "%s: %d", rows[i].text, r);
		if (r < 0)
			continue;
		endpoint_format(&e, text);
		ck_assert_str_eq(text, rows[i].want);
		ck_assert_int_eq(address_is_loopback(&e.address), rows[i].loopback);
		ck_assert_int_eq(address_is_wildcard(&e.address), rows[i].wildcard);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_and_writes_networks,
	    test_knows_who_is_in_a_network,
	    test_reads_and_writes_endpoints,
	};

	return check_program("network", tests, ELEMENTSOF(tests));
}
