/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of records: where it is, whose it must be, what is read and noted. */

#include "rotation-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check-program.h"
#include "repeated-text.h"
#include "rotation-place.h"

START_TEST(test_folder_is_made_for_us_alone)
{
	_cleanup_place_ struct place p;
	_cleanup_secret_ struct secret bytes = {0}, read = {0};
	struct stat st;

	make_place(&p);
	ck_assert_int_eq(secret_puts(&bytes, "record"), 0);
	ck_assert_int_eq(rotation_read(p.folder, "name", &read), -ENOENT);
	ck_assert_int_eq(stat(p.folder, &st), -1);
	ck_assert_int_eq(rotation_write(p.folder, "name", &bytes), 0);
	ck_assert_int_eq(stat(p.folder, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(rotation_read(p.folder, "name", &read), 0);
	ck_assert_str_eq(read.data, "record");
}
END_TEST

START_TEST(test_folder_that_others_may_write_to_is_not_used)
{
	_cleanup_place_ struct place p;
	_cleanup_secret_ struct secret bytes = {0}, read = {0};

	make_place(&p);
	put(&p, 1, 1, NOW);
	ck_assert_int_eq(chmod(p.folder, 0770), 0);
	ck_assert_int_eq(secret_puts(&bytes, "record"), 0);
	ck_assert_int_eq(rotation_write(p.folder, "name", &bytes), -EPERM);
	ck_assert_int_eq(rotation_read(p.folder, "name", &read), -EPERM);
	ck_assert(!is_there(&p, 1));
}
END_TEST

START_TEST(test_what_is_no_file_is_no_record)
{
	static const char *const names[] = {"folder", "link", "fifo", "long"};
	_cleanup_secret_ struct secret bytes = {0};
	_cleanup_place_ struct place p;
	char path[4096];

	make_place(&p);
	put(&p, 1, 1, NOW);
	(void)snprintf(path, sizeof(path), "%s/folder", p.folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/link", p.folder);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	(void)snprintf(path, sizeof(path), "%s/fifo", p.folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	repeated_text(&bytes, "r", ROTATION_SIZE_MAX + 1);
	ck_assert_int_eq(rotation_write(p.folder, "long", &bytes), 0);
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_secret_ struct secret read = {0};

		ck_assert_msg(rotation_read(p.folder, names[i], &read) == -EFBIG,
		    "%s is read", names[i]);
	}
}
END_TEST

START_TEST(test_use_is_noted_once_a_day)
{
	_cleanup_place_ struct place p;
	char name[ROTATION_NAME_SIZE], path[4096];
	struct stat st;

	make_place(&p);
	put(&p, 1, 1, NOW);
	name_of(1, name);
	(void)snprintf(path, sizeof(path), "%s/%s", p.folder, name);
	rotation_touch(p.folder, name, NOW + DAY - 1);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mtime, NOW);
	rotation_touch(p.folder, name, NOW + DAY);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mtime, NOW + DAY);
	rotation_touch(p.folder, "none", NOW);
	ck_assert(!rotation_exists(p.folder, "none"));
}
END_TEST

START_TEST(test_folder_is_found)
{
	static const struct {
		const char *label, *override, *state, *home, *want; /* NULL: refused */
	} rows[] = {
	    {"option", "/a/b", "/c", "/home/u", "/a/b"},
	    {"service manager", NULL, "/var/lib/maildest-helper", "/home/u",
		"/var/lib/maildest-helper"},
	    {"relative option", "a", NULL, "/home/u", NULL},
	    {"relative from the service manager", NULL, "a", "/home/u", NULL},
	    {"by hand", NULL, "", "/home/u", NULL},
	};
	const char *by_hand = geteuid() < 1000 ? "/var/lib/maildest-helper"
					       : "/home/u/.local/state/maildest";

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *want = i + 1 == ELEMENTSOF(rows) ? by_hand : rows[i].want;
		_cleanup_free_ char *path = NULL;
		int r;

		ck_assert_int_eq(setenv("HOME", rows[i].home, 1), 0);
		ck_assert_int_eq(rows[i].state
				     ? setenv("STATE_DIRECTORY", rows[i].state, 1)
				     : unsetenv("STATE_DIRECTORY"),
		    0);
		r = rotation_folder(rows[i].override, &path);
		ck_assert_msg(r == (want ? 0 : -EINVAL), "%s: %d", rows[i].label, r);
		if (want)
			ck_assert_str_eq(path, want);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_folder_is_made_for_us_alone,
	    test_folder_that_others_may_write_to_is_not_used,
	    test_what_is_no_file_is_no_record,
	    test_use_is_noted_once_a_day,
	    test_folder_is_found,
	};

	return check_program("rotation-files", tests, ELEMENTSOF(tests));
}
