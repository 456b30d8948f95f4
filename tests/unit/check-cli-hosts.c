/* SPDX-License-Identifier: Apache-2.0 */
/* Which names of services are this host's own, or another's in its /etc/hosts. */

#include "host-names.h"

#include <string.h>

#include "check-program.h"
#include "config-tree.h"

#define HOSTS                                                                          \
	"127.0.0.1\tlocalhost Other # away\n::1 ip6-localhost\n\n# 10.0.0.1 comment\n" \
	"nonsense free\n10.0.0.2 prod-mail.prod\n127.0.0.9 mine mine.example\n"        \
	"# maildest: begin\n10.9.9.9 block\n# maildest: end\n10.0.0.3 behind\n"

/* A service of this name at 127.0.0.9. */
static int complain(
    const struct host_names *h, const char *name, const char *name_space, char **ret_why)
{
	struct resource resource = {.name_space = (char *)name_space};
	struct service_unit s = {.host = (char *)name, .resource = &resource};

	ck_assert_int_eq(address_parse("127.0.0.9", &s.endpoint.address), 0);
	return host_names_complain(h, &s, ret_why);
}

START_TEST(test_names_of_others)
{
	static const struct {
		const char *name, *name_space, *why;
	} rows[] = {
	    {"localhost", NULL,
		"the name 'localhost' is that of 127.0.0.1 in /etc/hosts"},
	    {"other", NULL, "the name 'other' is that of 127.0.0.1 in /etc/hosts"},
	    {"ip6-localhost", NULL,
		"the name 'ip6-localhost' is that of ::1 in /etc/hosts"},
	    {"behind", NULL, "the name 'behind' is that of 10.0.0.3 in /etc/hosts"},
	    {"prod-mail", "prod",
		"the name 'prod-mail.prod' is that of 10.0.0.2 in /etc/hosts"},
	    {"vm", NULL, "the name 'vm' is this host's own"},
	    {"vm", "example", "the name 'vm' is this host's own"},
	    {"prod-mail", NULL, NULL},
	    {"mine", NULL, NULL}, /* it is what the service has */
	    {"block", NULL, NULL},
	    {"free", NULL, NULL},
	    {"comment", NULL, NULL},
	    {"v", NULL, NULL},
	    {"away", NULL, NULL},
	};
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_host_names_ struct host_names h = {0};
	_cleanup_free_ char *path = NULL;

	config_tree_make(&t);
	config_tree_puts(&t, "hosts", HOSTS);
	path = config_tree_path(&t, "hosts");
	ck_assert_int_eq(host_names_read(path, "VM.example.com", &h), 0);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		int r = complain(&h, rows[i].name, rows[i].name_space, &why);

		ck_assert_msg(r == (rows[i].why ? 1 : 0), "%s: %d", rows[i].name, r);
		if (rows[i].why)
			ck_assert_str_eq(why, rows[i].why);
	}
}
END_TEST

START_TEST(test_without_a_file_there_is_the_own_name)
{
	_cleanup_host_names_ struct host_names h = {0};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(host_names_read("/nowhere/hosts", "vm", &h), 0);
	ck_assert_int_eq(complain(&h, "vm", NULL, &why), 1);
	ck_assert_int_eq(complain(&h, "mail", NULL, &why), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_names_of_others,
	    test_without_a_file_there_is_the_own_name,
	};

	return check_program("cli-hosts", tests, ELEMENTSOF(tests));
}
