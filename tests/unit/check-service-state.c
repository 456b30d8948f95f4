/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in .state/: what is written is read again, and nothing else. */

#include "service-state.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "check-program.h"
#include "config-tree.h"

START_TEST(test_what_is_written_is_read_again)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_state_table_ struct state_table a = {0}, b = {0}, none = {0};
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	ck_assert_int_eq(state_table_read(&c, "addresses", &none, &why), 0);
	ck_assert_uint_eq(none.n, 0);
	ck_assert_int_eq(state_table_set(&a, "b", "127.0.0.2"), 0);
	ck_assert_int_eq(state_table_set(&a, "c", "127.0.0.3"), 0);
	ck_assert_int_eq(state_table_set(&a, "a", "127.0.0.9"), 0);
	ck_assert_int_eq(state_table_set(&a, "a", "127.0.0.1"), 0);
	state_table_remove(&a, "c");
	state_table_remove(&a, "d");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(state_table_write(&c, "addresses", &a, &why), 0);
	ck_assert_int_eq(state_table_read(&c, "addresses", &b, &why), 0);
	ck_assert_uint_eq(b.n, 2);
	ck_assert_str_eq(state_table_find(&b, "a"), "127.0.0.1");
	ck_assert_str_eq(state_table_find(&b, "b"), "127.0.0.2");
	ck_assert_ptr_null(state_table_find(&b, "c"));
	ck_assert_int_eq(service_state_write(&c, "services/x.json", "{}", 2, &why), 0);
}
END_TEST

/* Copies of maildest.conf and of resources are root's business, whatever the umask is. */
START_TEST(test_nobody_else_may_read_or_write_it)
{
	static const char *const files[] = {
	    ".state", ".state/services", ".state/services/x.json"};
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	mode_t before = umask(0);
	struct stat st;

	config_tree_make(&t);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	ck_assert_int_eq(service_state_write(&c, "services/x.json", "{}", 2, &why), 0);
	(void)umask(before);
	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		ck_assert_int_eq(fstatat(c.fd, files[i], &st, 0), 0);
		ck_assert_msg((st.st_mode & (S_IRWXG | S_IRWXO)) == 0, "%s: mode %o",
		    files[i], (unsigned)st.st_mode);
	}
}
END_TEST

START_TEST(test_lines_that_are_none_are_left_out)
{
	static const char text[] = "# a comment\n\nonly\n word\nname \na b c\ngood 1\n";
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_state_table_ struct state_table a = {0};
	_cleanup_free_ char *why = NULL, *path = NULL;

	config_tree_make(&t);
	path = config_tree_path(&t, ".state");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	config_tree_puts(&t, ".state/addresses", text);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	ck_assert_int_eq(state_table_read(&c, "addresses", &a, &why), 0);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_str_eq(state_table_find(&a, "good"), "1");
}
END_TEST

START_TEST(test_a_table_of_others_is_refused)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_state_table_ struct state_table a = {0};
	_cleanup_free_ char *why = NULL, *path = NULL;

	config_tree_make(&t);
	path = config_tree_path(&t, ".state");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	config_tree_puts(&t, ".state/addresses", "a 127.0.0.1\n");
	config_tree_chmod(&t, ".state/addresses", 0666);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	ck_assert_int_eq(state_table_read(&c, "addresses", &a, &why), -EPERM);
	ck_assert_ptr_nonnull(strstr(why, "/.state/addresses: "));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_what_is_written_is_read_again,
	    test_nobody_else_may_read_or_write_it,
	    test_lines_that_are_none_are_left_out,
	    test_a_table_of_others_is_refused,
	};

	return check_program("service-state", tests, ELEMENTSOF(tests));
}
