/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a service, one by one and together. */

#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "repeated-text.h"

/* Takes "name=value" or "name" as the command line would give it, in memory of ours. */
static int take(struct service *s, char *words, char **ret_why)
{
	char *value = strchr(words, '=');

	if (value)
		*value++ = '\0';
	return service_take_option(s, words, value, ret_why);
}

START_TEST(test_takes_what_units_say)
{
	char words[][64] = {"service=mail_t1", "tenant=t1", "fragment=F1,F-2",
	    "fragment-level=provider_instance", "instance=Main", "level=subaccount",
	    "chain=com.x", "chain=saml", "chain-var=user-token=a.b_c:/@+,=-",
	    "chain-var=other=", "clients=group:maildest-ns-prod",
	    "allow=192.0.2.0/24,2001:db8::1", "client-login=required"};
	struct service s = {0};

	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		_cleanup_free_ char *why = NULL;
		int r = take(&s, words[i], &why);

		/* a chain's name has no dots */
		ck_assert_msg(
		    r == (i == 6 ? -EINVAL : 0), "%s: %d, %s", words[i], r, why);
	}
	ck_assert_str_eq(service_name(&s), "mail_t1");
	ck_assert_str_eq(s.tenant, "t1");
	ck_assert_str_eq(s.fragment, "F1,F-2");
	ck_assert_str_eq(s.fragment_level, "provider_instance");
	ck_assert_str_eq(s.instance, "Main");
	ck_assert_str_eq(s.level, "subaccount");
	ck_assert_str_eq(s.chain, "saml");
	ck_assert_uint_eq(s.n_variables, 2);
	ck_assert_str_eq(s.variables[0].name, "user-token");
	ck_assert_str_eq(s.variables[0].value, "a.b_c:/@+,=-");
	ck_assert_str_eq(s.variables[1].value, "");
	ck_assert_int_eq(s.clients, SERVICE_CLIENTS_GROUP);
	ck_assert_str_eq(s.group, "maildest-ns-prod");
	ck_assert_uint_eq(s.n_networks, 2);
	ck_assert_uint_eq(s.networks[0].bits, 24);
	ck_assert_uint_eq(s.networks[1].bits, 128);
	ck_assert(s.has_client_login && s.client_login == CLIENT_LOGIN_REQUIRED);
}
END_TEST

START_TEST(test_a_service_without_a_name_is_its_destination)
{
	const struct service s = {.destination = "smtp"};

	ck_assert_str_eq(service_name(&s), "smtp");
}
END_TEST

START_TEST(test_refuses_what_is_none)
{
	char words[][64] = {"service=", "service=a.b", "service=a b", "service",
	    "tenant=a.b", "tenant=A_b", "tenant=", "fragment=", "fragment=a,",
	    "fragment=a,b,c,d,e", "fragment=../x", "fragment-optional=yes",
	    "instance=", "instance=a/b", "level=SUBACCOUNT",
	    "level=", "fragment-level=none", "chain=a b", "chain-var=x", "chain-var==x",
	    "chain-var=a b=c", "chain-var=a=b c", "chain-var=a=\r\nX: y",
	    "chain-var=a=\"", "clients=all", "clients=group:", "clients=group:A",
	    "clients=group:-x", "clients=", "allow=", "allow=192.0.2.1/24",
	    "allow=192.0.2.0/24,", "allow=localhost", "allow=192.0.2.0/33",
	    "client-login=maybe", "client-login"};

	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		_cleanup_free_ char *why = NULL;
		struct service s = {0};
		int r = take(&s, words[i], &why);

		ck_assert_msg(r == -EINVAL && strstr(why, words[i]), "%s: %d, %s",
		    words[i], r, why);
	}
}
END_TEST

START_TEST(test_bounds_what_there_may_be_of_one_kind)
{
	_cleanup_secret_ struct secret name = {0}, value = {0};
	char texts[DESTINATION_VARIABLES_MAX + 1][16];
	struct service s = {0};
	char *why = NULL;

	for (unsigned i = 0; i <= DESTINATION_VARIABLES_MAX; i++) {
		ck_assert_int_lt(snprintf(texts[i], sizeof(texts[i]), "v%u=x", i), 16);
		ck_assert_int_eq(service_take_option(&s, "chain-var", texts[i], &why),
		    i < DESTINATION_VARIABLES_MAX ? 0 : -EINVAL);
	}
	free(why);
	why = NULL;
	s = (struct service){0};
	repeated_text(&value, "x", 200);
	ck_assert_int_eq(secret_puts(&name, "n="), 0);
	ck_assert_int_eq(secret_append(&name, value.data, value.len), 0);
	ck_assert_int_eq(service_take_option(&s, "chain-var", name.data, &why), 0);
	name.data[1] = '=';
	ck_assert_int_eq(secret_puts(&name, "x"), 0);
	name.data[0] = 'm';
	ck_assert_int_eq(service_take_option(&s, "chain-var", name.data, &why), -EINVAL);
	free(why);
}
END_TEST

START_TEST(test_each_variable_once)
{
	char first[] = "a=1", second[] = "a=2";
	_cleanup_free_ char *why = NULL;
	struct service s = {0};

	ck_assert_int_eq(service_take_option(&s, "chain-var", first, &why), 0);
	ck_assert_int_eq(service_take_option(&s, "chain-var", second, &why), -EINVAL);
}
END_TEST

START_TEST(test_other_options_are_not_its_own)
{
	char value[] = "x";
	char *why = NULL;
	struct service s = {0};

	ck_assert_int_eq(service_take_option(&s, "config-dir", value, &why), -ENOENT);
	ck_assert_int_eq(service_take_option(&s, "", value, &why), -ENOENT);
	ck_assert_ptr_null(why);
}
END_TEST

START_TEST(test_some_need_others)
{
	static const struct {
		struct service service;
		const char *said;
	} rows[] = {
	    {{.destination = "x"}, NULL},
	    {{.fragment = "F", .fragment_optional = true, .fragment_level = "l"}, NULL},
	    {{.fragment_optional = true}, "need --fragment"},
	    {{.fragment_level = "l"}, "need --fragment"},
	    {{.fragment = "F,G", .fragment_optional = true}, "one fragment alone"},
	    {{.n_variables = 1}, "needs --chain"},
	    {{.n_variables = 1, .chain = "c"}, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		int r = service_check(&rows[i].service, &why);

		ck_assert_msg(r == (rows[i].said ? -EINVAL : 0), "row %zu: %d", i, r);
		ck_assert(!rows[i].said || strstr(why, rows[i].said));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_takes_what_units_say,
	    test_a_service_without_a_name_is_its_destination,
	    test_refuses_what_is_none,
	    test_bounds_what_there_may_be_of_one_kind,
	    test_each_variable_once,
	    test_other_options_are_not_its_own,
	    test_some_need_others,
	};

	return check_program("service", tests, ELEMENTSOF(tests));
}
