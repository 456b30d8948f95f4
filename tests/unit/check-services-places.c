/* SPDX-License-Identifier: Apache-2.0 */
/* Where services listen: one address each, the same for ever, and never another's. */

#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "check-program.h"
#include "services-tree.h"

#define RESOURCE(metadata, spec) \
	"---\n" SERVICES_API "metadata: {" metadata "}\nspec: {" spec "}\n"
#define SMTP "destinationRef: {name: smtp}"
#define IMAP "destinationRef: {name: imap}"
#define LISTEN(address) ", annotations: {maildest/listen: '" address "'}"
#define OPEN(address) \
	", annotations: {maildest/listen: '" address "', maildest/allow: 192.0.2.0/24}"

START_TEST(test_ports)
{
	_cleanup_services_tree_ struct services_tree t;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml",
	    RESOURCE("name: default", IMAP)
		RESOURCE("name: own", IMAP ", service: {port: 1143}")
		    RESOURCE("name: listen" LISTEN("127.0.0.5:2143"),
			IMAP ", service: {port: 1143}")
			RESOURCE("name: address" LISTEN("127.0.0.6"),
			    IMAP ", service: {port: 1143}"));
	services_tree_load(&t);
	ck_assert_uint_eq(services_tree_find(&t, "default")->endpoint.port, 993);
	ck_assert_uint_eq(services_tree_find(&t, "own")->endpoint.port, 1143);
	ck_assert_str_eq(services_tree_endpoint(&t, "listen"), "127.0.0.5:2143");
	ck_assert_str_eq(services_tree_endpoint(&t, "address"), "127.0.0.6:1143");
}
END_TEST

START_TEST(test_an_address_stays_when_it_is_recorded)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *before = NULL, *why = NULL;

	services_tree_make(&t);
	services_tree_puts(&t, "b.yaml", RESOURCE("name: mail", SMTP));
	services_tree_load(&t);
	before = strdup(services_tree_endpoint(&t, "mail"));
	services_tree_puts(&t, "a.yaml", RESOURCE("name: another", SMTP));
	services_tree_load(&t);
	ck_assert_str_eq(services_tree_endpoint(&t, "mail"), before);
	ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	services_tree_load(&t);
	ck_assert_str_eq(services_tree_endpoint(&t, "mail"), before);
	ck_assert(services_tree_find(&t, "mail")->is_recorded);
}
END_TEST

START_TEST(test_a_recorded_address_counts)
{
	_cleanup_services_tree_ struct services_tree t;

	services_tree_make(&t);
	config_tree_puts(
	    &t.tree, ".state/addresses", "mail 127.1.2.3\nother 192.0.2.1\nbad 127.1\n");
	services_tree_puts(&t, "a.yaml",
	    RESOURCE("name: mail", SMTP) RESOURCE("name: other", SMTP)
		RESOURCE("name: bad", SMTP));
	services_tree_load(&t);
	ck_assert_str_eq(services_tree_endpoint(&t, "mail"), "127.1.2.3:587");
	ck_assert_int_eq(strncmp(services_tree_endpoint(&t, "other"), "127.88.", 7), 0);
	ck_assert_int_eq(strncmp(services_tree_endpoint(&t, "bad"), "127.88.", 7), 0);
}
END_TEST

START_TEST(test_an_address_that_two_have_is_the_firsts)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *why = NULL, *given = NULL;

	services_tree_make(&t);
	config_tree_puts(&t.tree, ".state/addresses", "a 127.88.1.2\nb 127.88.1.2\n");
	services_tree_puts(
	    &t, "a.yaml", RESOURCE("name: a", SMTP) RESOURCE("name: b", SMTP));
	services_tree_load(&t);
	ck_assert_str_eq(services_tree_endpoint(&t, "a"), "127.88.1.2:587");
	ck_assert_str_ne(services_tree_endpoint(&t, "b"), "127.88.1.2:587");
	ck_assert_ptr_nonnull(strstr(services_tree_find(&t, "b")->warning, "127.88.1.2"));
	ck_assert_ptr_null(services_tree_find(&t, "a")->warning);
	given = strdup(services_tree_endpoint(&t, "b"));
	ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	services_tree_load(&t);
	ck_assert_str_eq(services_tree_endpoint(&t, "b"), given);
	ck_assert_ptr_null(services_tree_find(&t, "b")->warning);
}
END_TEST

START_TEST(test_who_takes_an_address_that_is_taken)
{
	static const struct {
		const char *label, *text;
		bool is_first_served, is_second_served;
	} rows[] = {
	    {"the same",
		RESOURCE("name: a" LISTEN("127.0.0.5"), SMTP)
		    RESOURCE("name: b" LISTEN("127.0.0.5:587"), SMTP),
		true, false},
	    {"another port",
		RESOURCE("name: a" LISTEN("127.0.0.5"), SMTP)
		    RESOURCE("name: b" LISTEN("127.0.0.5"), IMAP),
		true, true},
	    {"all addresses",
		RESOURCE("name: a", SMTP) RESOURCE("name: b" OPEN("0.0.0.0"), SMTP), true,
		false},
	    {"all addresses first",
		RESOURCE("name: a" OPEN("0.0.0.0"), SMTP) RESOURCE("name: b", SMTP), true,
		false},
	    {"all of IPv6",
		RESOURCE("name: a", SMTP) RESOURCE("name: b" OPEN("::"), SMTP), true,
		true},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_services_tree_ struct services_tree t;

		services_tree_make(&t);
		services_tree_puts(&t, "a.yaml", rows[i].text);
		services_tree_load(&t);
		ck_assert_msg(
		    services_tree_find(&t, "a")->is_served == rows[i].is_first_served &&
			services_tree_find(&t, "b")->is_served ==
			    rows[i].is_second_served,
		    "%s", rows[i].label);
	}
}
END_TEST

START_TEST(test_a_chosen_address_is_not_given_away)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *text = NULL;
	char address[NETWORK_TEXT_MAX];

	services_tree_make(&t);
	services_tree_puts(&t, "b.yaml", RESOURCE("name: mail", SMTP));
	services_tree_load(&t);
	address_format(&services_tree_find(&t, "mail")->endpoint.address, address);
	ck_assert_int_gt(asprintf(&text,
			     SERVICES_API "metadata:\n  name: a\n  annotations:\n"
					  "    maildest/listen: %s\nspec: {" SMTP "}\n",
			     address),
	    0);
	services_tree_puts(&t, "z.yaml", text);
	services_tree_load(&t);
	ck_assert(services_tree_find(&t, "mail")->is_served);
	ck_assert(services_tree_find(&t, "a")->is_served);
	ck_assert(!address_equal(&services_tree_find(&t, "a")->endpoint.address,
	    &services_tree_find(&t, "mail")->endpoint.address));
}
END_TEST

START_TEST(test_a_new_file_takes_nobodys_port)
{
	static const struct {
		const char *label, *old, *new;
	} rows[] = {
	    {"an address that was given", RESOURCE("name: old", SMTP),
		RESOURCE("name: new" LISTEN("127.88.3.4"), SMTP)},
	    {"all addresses", RESOURCE("name: old", SMTP),
		RESOURCE("name: new" OPEN("0.0.0.0"), SMTP)},
	    {"one that was chosen", RESOURCE("name: old" LISTEN("127.0.0.5"), SMTP),
		RESOURCE("name: new" LISTEN("127.0.0.5:587"), SMTP)},
	    {"one of all", RESOURCE("name: old" OPEN("0.0.0.0"), SMTP),
		RESOURCE("name: new", SMTP)},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_services_tree_ struct services_tree t;
		_cleanup_free_ char *why = NULL;

		services_tree_make(&t);
		config_tree_puts(&t.tree, ".state/addresses", "old 127.88.3.4\n");
		services_tree_puts(&t, "b.yaml", rows[i].old);
		services_tree_load(&t);
		ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
		services_tree_puts(&t, "a.yaml", rows[i].new);
		for (int again = 0; again < 2; again++) {
			services_tree_load(&t);
			ck_assert_msg(services_tree_find(&t, "old")->is_served,
			    "%s: is taken", rows[i].label);
			ck_assert_msg(!services_tree_find(&t, "new")->is_served,
			    "%s: both have it", rows[i].label);
			ck_assert_int_eq(
			    services_record(&t.config, &t.services, &why), 0);
		}
	}
}
END_TEST

START_TEST(test_long_names_have_paths_that_fit)
{
	_cleanup_services_tree_ struct services_tree t;
	const struct service_unit *s;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml",
	    RESOURCE(
		"name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		SMTP));
	services_tree_load(&t);
	s = &t.services.list[0];
	ck_assert_uint_eq(strlen(s->socket), 63 + 28);
	ck_assert_uint_lt(strlen(s->socket), 108);
}
END_TEST

START_TEST(test_all_addresses_can_be_given)
{
	struct addresses *a = addresses_new();
	struct address given;
	char name[16];

	ck_assert_ptr_nonnull(a);
	for (int i = 0; i < ADDRESSES_MAX; i++) {
		ck_assert_int_gt(snprintf(name, sizeof(name), "s%d", i), 0);
		ck_assert_int_eq(addresses_give(a, name, &given), 0);
		ck_assert(given.bytes[3] != 0 && given.bytes[3] != 255);
	}
	ck_assert_int_lt(addresses_give(a, "one more", &given), 0);
	addresses_free(a);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_ports,
	    test_an_address_stays_when_it_is_recorded,
	    test_a_recorded_address_counts,
	    test_an_address_that_two_have_is_the_firsts,
	    test_who_takes_an_address_that_is_taken,
	    test_a_chosen_address_is_not_given_away,
	    test_a_new_file_takes_nobodys_port,
	    test_long_names_have_paths_that_fit,
	    test_all_addresses_can_be_given,
	};

	return check_program("services-places", tests, ELEMENTSOF(tests));
}
