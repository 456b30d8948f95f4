/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record being replaced while the process is killed or the power fails, before each
 * single step of it: afterwards there is the old token or the new one, and once the call
 * has returned there is the new one. The linker puts this file between rotation-files.c and
 * the system calls (tests/unit/meson.build). A power failure takes with it whatever has not
 * been synchronised, in each combination: bytes of a file, a renaming, a new folder.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check-program.h"
#include "config-tree.h"
#include "rotation-files.h"
#include "rotation-sweep.h"

#define NAME "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define KILLED 42
/* What a power failure takes, of what it may. */
#define TAKES_BYTES 1
#define TAKES_RENAMING 2
#define TAKES_FOLDER 4
#define TAKES_MAX 8

static const unsigned char realm[DIGEST_SHA256_SIZE];
static const struct rotation_id id = {realm, "credential"};

/* What is not on the disk yet, of the process that will die. */
static struct {
	bool is_armed;
	unsigned step, dies_at; /* before that step, counted from 1 */
	int error;		/* instead of dying, the step fails so */
	bool half;		/* a write that is died at is done by half first */
	bool power;		/* it is not a kill */
	unsigned takes;
	char folder[4096];
	bool bytes, renaming, made_folder;
} crash;

int __real_fsync(int fd);
int __real_mkdir(const char *path, mode_t mode);
int __real_openat64(int folder, const char *path, int flags, ...);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_unlinkat(int folder, const char *path, int flags);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __wrap_fsync(int fd);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_openat64(int folder, const char *path, int flags, ...);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_unlinkat(int folder, const char *path, int flags);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

static void path_of(const char *name, char ret[8192])
{
	(void)snprintf(ret, 8192, "%s/%s", crash.folder, name);
}

/* The disk as it is found after the failure. */
static void lose(void)
{
	char name[8192], temporary[8192], old[8192];

	path_of(NAME, name);
	path_of(NAME ".new", temporary);
	path_of("../old", old);
	if (crash.bytes && crash.takes & TAKES_BYTES &&
	    truncate(crash.renaming ? name : temporary, 0) < 0)
		_exit(1);
	if (crash.renaming && crash.takes & TAKES_RENAMING &&
	    rename(name, temporary) == 0)
		(void)rename(old, name); /* if there was one */
	if (crash.made_folder && crash.takes & TAKES_FOLDER) {
		(void)__real_unlinkat(AT_FDCWD, name, 0);
		(void)__real_unlinkat(AT_FDCWD, temporary, 0);
		(void)rmdir(crash.folder);
	}
}

/* Each step passes here; true if it is to fail. */
static bool step(void)
{
	if (!crash.is_armed || ++crash.step != crash.dies_at)
		return false;
	if (crash.error != 0) {
		errno = crash.error;
		return true;
	}
	if (crash.power)
		lose();
	_exit(KILLED);
}

int __wrap_fsync(int fd)
{
	struct stat st, folder;
	int r;

	if (step())
		return -1;
	r = __real_fsync(fd);
	if (r < 0 || fstat(fd, &st) < 0)
		return r;
	if (S_ISREG(st.st_mode))
		crash.bytes = false;
	else if (stat(crash.folder, &folder) == 0 && folder.st_ino == st.st_ino)
		crash.renaming = false;
	else
		crash.made_folder = false;
	return r;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	int r;

	if (step())
		return -1;
	r = __real_mkdir(path, mode);
	if (crash.is_armed && r == 0 && strcmp(path, crash.folder) == 0)
		crash.made_folder = true;
	return r;
}

int __wrap_openat64(int folder, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
		if (step())
			return -1;
	}
	return __real_openat64(folder, path, flags, mode);
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	int r;

	if (step())
		return -1;
	if (crash.is_armed)
		(void)__real_unlinkat(to_folder, "../old", 0); /* an earlier one's */
	if (crash.is_armed && linkat(to_folder, to, to_folder, "../old", 0) < 0 &&
	    errno != ENOENT)
		_exit(1);
	r = __real_renameat(from_folder, from, to_folder, to);
	crash.renaming = crash.is_armed && r == 0;
	return r;
}

int __wrap_unlinkat(int folder, const char *path, int flags)
{
	return step() ? -1 : __real_unlinkat(folder, path, flags);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	if (crash.is_armed && crash.half && crash.step + 1 == crash.dies_at)
		(void)__real_write(fd, bytes, n / 2);
	if (step())
		return -1;
	crash.bytes = crash.is_armed;
	return __real_write(fd, bytes, n);
}

static int keep(const char *folder, const char *token)
{
	_cleanup_secret_ struct secret record = {0};

	ck_assert_int_eq(rotation_seal(&id, token, &record), 0);
	return rotation_write(folder, NAME, &record);
}

/* What there is now, "" for nothing; anything that is neither fails the test. */
static void assert_kept(
    const char *folder, const char *want, const char * or, const char *label)
{
	_cleanup_secret_ struct secret record = {0}, token = {0};
	int r;

	r = rotation_read(folder, NAME, &record);
	if (r != -ENOENT) {
		ck_assert_msg(r == 0, "%s: it cannot be read: %d", label, r);
		r = rotation_open(&id, record.data, record.len, &token);
		ck_assert_msg(r == 0, "%s: it does not open: %d", label, r);
	}
	ck_assert_msg(strcmp(secret_str(&token), want) == 0 ||
			  (or &&strcmp(secret_str(&token), or) == 0),
	    "%s: there is '%s'", label, secret_str(&token));
}

/* One death; true if the call had returned before it would have come. */
static bool die_once(
    const char *old, unsigned dies_at, bool half, bool power, unsigned takes)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_free_ char *folder = NULL;
	char label[256];
	bool returned;
	int status;
	pid_t pid;

	config_tree_make(&tree);
	folder = config_tree_path(&tree, "state");
	if (*old)
		ck_assert_int_eq(keep(folder, old), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		crash.is_armed = true;
		crash.dies_at = dies_at;
		crash.half = half;
		crash.power = power;
		crash.takes = takes;
		(void)snprintf(crash.folder, sizeof(crash.folder), "%s", folder);
		if (keep(folder, "new") < 0)
			_exit(1);
		if (power)
			lose();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	(void)snprintf(label, sizeof(label), "%s before step %u%s, taking %u, old '%s'",
	    power ? "power failed" : "killed", dies_at, half ? " (half of it)" : "",
	    takes, old);
	ck_assert_msg(WIFEXITED(status) &&
			  (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED),
	    "%s: status %d", label, status);
	returned = WEXITSTATUS(status) == 0;
	assert_kept(folder, "new", returned ? NULL : old, label);
	/* and life goes on */
	rotation_clean(folder);
	ck_assert_msg(!rotation_exists(folder, NAME ".new"), "%s: a file stays", label);
	ck_assert_msg(keep(folder, "newest") == 0, "%s: no more can be kept", label);
	assert_kept(folder, "newest", NULL, label);
	return returned;
}

/* Dies before the first step, the second, and so on until there is none left. */
static unsigned die_everywhere(const char *old, bool half, bool power, unsigned takes)
{
	unsigned n = 1;

	while (!die_once(old, n, half, power, takes))
		n++;
	return n - 1;
}

START_TEST(test_kill_before_each_step)
{
	ck_assert_uint_ge(die_everywhere("old", false, false, 0), 5);
	ck_assert_uint_ge(die_everywhere("old", true, false, 0), 5);
	ck_assert_uint_ge(die_everywhere("", false, false, 0), 7);
}
END_TEST

START_TEST(test_power_failure_before_each_step)
{
	for (unsigned takes = 0; takes < TAKES_MAX; takes++) {
		ck_assert_uint_ge(die_everywhere("old", false, true, takes), 5);
		ck_assert_uint_ge(die_everywhere("", false, true, takes), 7);
	}
}
END_TEST

START_TEST(test_each_step_that_fails_is_told_and_costs_nothing)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS};

	for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
		for (unsigned n = 1, failed = 1; failed; n++) {
			_cleanup_config_tree_ struct config_tree tree = {0};
			_cleanup_free_ char *folder = NULL;
			int r;

			config_tree_make(&tree);
			folder = config_tree_path(&tree, "state");
			ck_assert_int_eq(keep(folder, "old"), 0);
			(void)snprintf(crash.folder, sizeof(crash.folder), "%s", folder);
			crash.step = 0;
			crash.dies_at = n;
			crash.error = errors[i];
			crash.is_armed = true;
			r = keep(folder, "new");
			crash.is_armed = false;
			failed = crash.step >= n;
			ck_assert_msg(r == (failed ? -errors[i] : 0),
			    "step %u with error %d comes to %d", n, errors[i], r);
			assert_kept(folder, "new", failed ? "old" : NULL, "failure");
			ck_assert(!rotation_exists(folder, NAME ".new"));
			ck_assert_int_eq(keep(folder, "newest"), 0);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_kill_before_each_step,
	    test_power_failure_before_each_step,
	    test_each_step_that_fails_is_told_and_costs_nothing,
	};

	return check_program("rotation-crash", tests, ELEMENTSOF(tests));
}
