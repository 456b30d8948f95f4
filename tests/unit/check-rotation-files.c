/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of records: where it is, whose it must be, what is kept and what goes. */

#include "rotation-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check-program.h"
#include "config-tree.h"
#include "repeated-text.h"

#define NOW ((time_t)2000000000)
#define DAY ((time_t)24 * 60 * 60)

/* A folder that is not there yet, below another that is not there either. */
struct place {
	struct config_tree tree;
	char *folder;
};

static void make_place(struct place *p)
{
	config_tree_make(&p->tree);
	p->folder = config_tree_path(&p->tree, "state/maildest");
}

static void place_done(struct place *p)
{
	free(p->folder);
	config_tree_done(&p->tree);
}
#define _cleanup_place_ _cleanup_(place_done)

static void name_of(unsigned number, char ret[ROTATION_NAME_SIZE])
{
	(void)snprintf(ret, ROTATION_NAME_SIZE, "%064x", number);
}

/* A record of so many bytes beyond those that all have, last used then. */
static void put(const struct place *p, unsigned number, size_t more, time_t used_at)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = used_at}};
	_cleanup_secret_ struct secret bytes = {0};
	char name[ROTATION_NAME_SIZE], path[4096];

	name_of(number, name);
	repeated_text(&bytes, "r", ROTATION_OVERHEAD + more);
	ck_assert_int_eq(rotation_write(p->folder, name, &bytes), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool is_there(const struct place *p, unsigned number)
{
	char name[ROTATION_NAME_SIZE];

	name_of(number, name);
	return rotation_exists(p->folder, name);
}

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

START_TEST(test_unused_records_go)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	put(&p, 1, 1, NOW - 90 * DAY - 1);
	put(&p, 2, 1, NOW - 90 * DAY);
	put(&p, 3, 1, NOW + DAY); /* a clock was wrong */
	ck_assert_uint_eq(rotation_sweep(p.folder, 1, NOW), 0);
	ck_assert(!is_there(&p, 1));
	ck_assert(is_there(&p, 2));
	ck_assert(is_there(&p, 3));
	rotation_remove(p.folder, "none");
}
END_TEST

/* Codes without a token go first, then what was used longest ago. */
START_TEST(test_a_thousand_are_kept)
{
	_cleanup_place_ struct place p;

	make_place(&p);
	for (unsigned i = 0; i < ROTATION_FILES_MAX; i++)
		put(&p, i, i >= 2, NOW - DAY + i);
	ck_assert_uint_eq(rotation_sweep(p.folder, 0, NOW), 0);
	ck_assert(is_there(&p, 0));
	ck_assert_uint_eq(rotation_sweep(p.folder, 1, NOW), 0);
	ck_assert(!is_there(&p, 0) && is_there(&p, 1) && is_there(&p, 2));
	put(&p, 5000, 1, NOW - 2 * DAY);
	ck_assert_uint_eq(rotation_sweep(p.folder, 1, NOW), 0);
	ck_assert(!is_there(&p, 1) && is_there(&p, 5000));
	put(&p, 5001, 1, NOW);
	ck_assert_uint_eq(rotation_sweep(p.folder, 2, NOW), 2);
	ck_assert(!is_there(&p, 5000) && !is_there(&p, 2) && is_there(&p, 3));
}
END_TEST

START_TEST(test_what_killed_writers_left_is_cleaned_and_nothing_else)
{
	_cleanup_place_ struct place p;
	char name[ROTATION_NAME_SIZE + 4], other[] = "notes.new";
	_cleanup_secret_ struct secret bytes = {0};

	make_place(&p);
	put(&p, 1, 1, NOW);
	ck_assert_int_eq(secret_puts(&bytes, "x"), 0);
	(void)snprintf(name, sizeof(name), "%064x.new", 2u);
	ck_assert_int_eq(rotation_write(p.folder, name, &bytes), -ENAMETOOLONG);
	ck_assert_int_eq(rotation_write(p.folder, other, &bytes), 0);
	{
		_cleanup_free_ char *path = NULL;
		int fd;

		ck_assert_int_gt(asprintf(&path, "%s/%s", p.folder, name), 0);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		(void)close(fd);
	}
	rotation_clean(p.folder);
	ck_assert(!rotation_exists(p.folder, name));
	ck_assert(rotation_exists(p.folder, other));
	ck_assert(is_there(&p, 1));
	/* one that is there when the next writer comes does no harm either */
	put(&p, 2, 1, NOW);
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
	const char *by_hand =
	    geteuid() < 1000 ? "/var/lib/maildest" : "/home/u/.local/state/maildest";

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
	    test_unused_records_go,
	    test_a_thousand_are_kept,
	    test_what_killed_writers_left_is_cleaned_and_nothing_else,
	    test_folder_is_found,
	};

	return check_program("rotation-files", tests, ELEMENTSOF(tests));
}
