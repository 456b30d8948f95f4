/* SPDX-License-Identifier: Apache-2.0 */
/* Where the helper's socket is looked for, by option, environment and user. */

#include "paths.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "check-program.h"

START_TEST(test_option_and_environment)
{
	static const char x[] =
	    "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	static const struct {
		const char *label, *override, *environment, *want;
		int result;
	} rows[] = {
	    {"option", "/a/b", NULL, "/a/b", 0},
	    {"option before environment", "/a/b", "/c", "/a/b", 0},
	    {"environment", NULL, "/c", "/c", 0},
	    {"relative option", "a", NULL, NULL, -EINVAL},
	    {"empty option", "", NULL, NULL, -EINVAL},
	    {"relative environment", NULL, "a", NULL, -EINVAL},
	    {"too long", x, NULL, NULL, -ENAMETOOLONG},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *path = NULL;

		(void)unsetenv("MAILDEST_HELPER_SOCKET");
		if (rows[i].environment)
			(void)setenv("MAILDEST_HELPER_SOCKET", rows[i].environment, 1);
		ck_assert_msg(
		    path_helper_socket(rows[i].override, &path) == rows[i].result, "%s",
		    rows[i].label);
		ck_assert_pstr_eq(path, rows[i].want);
	}
}
END_TEST

START_TEST(test_default_depends_on_the_user)
{
	_cleanup_free_ char *root = NULL, *human = NULL;

	(void)setenv("MAILDEST_HELPER_SOCKET", "", 1); /* empty counts as absent */
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(path_helper_socket(NULL, &root), 0);
	ck_assert_str_eq(root, "/run/maildest/helper.sock");
	ck_assert_int_eq(seteuid(4711), 0);
	ck_assert_int_eq(path_helper_socket(NULL, &human), 0);
	ck_assert_str_eq(human, "/run/user/4711/maildest/helper.sock");
	ck_assert_int_eq(seteuid(0), 0); /* a leak check has to trace us */
	ck_assert_int_eq(seteuid(0), 0); /* the sanitizer's leak check needs root again */
}
END_TEST

START_TEST(test_refuses_what_a_socket_address_cannot_hold)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	_cleanup_free_ char *got = NULL;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(path_helper_socket(path, &got), -ENAMETOOLONG);
	path[sizeof(path) - 2] = '\0';
	ck_assert_int_eq(path_helper_socket(path, &got), 0);
	ck_assert_str_eq(got, path);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_option_and_environment,
	    test_default_depends_on_the_user,
	    test_refuses_what_a_socket_address_cannot_hold,
	};

	return check_program("paths", tests, ELEMENTSOF(tests));
}
