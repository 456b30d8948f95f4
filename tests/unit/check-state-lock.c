/* SPDX-License-Identifier: Apache-2.0 */
/* That what is remembered of services is changed by one program at a time. */

#include "state-lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check-program.h"
#include "config-tree.h"
#include "deadline.h"
#include "service-state.h"

/* A process that has the lock until its end of the pipe is closed. */
static pid_t hold(const struct config *c, const char *lock, int *ret_fd)
{
	int to_child[2], to_parent[2];
	_cleanup_free_ char *why = NULL;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(to_child), 0);
	ck_assert_int_eq(pipe(to_parent), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(to_child[1]);
		if (state_lock_take(c, lock, 0, &why) < 0 ||
		    write(to_parent[1], "", 1) != 1)
			_exit(1);
		_exit(read(to_child[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(to_child[0]);
	close(to_parent[1]);
	ck_assert_int_eq(read(to_parent[0], &byte, 1), 1);
	close(to_parent[0]);
	*ret_fd = to_child[1];
	return pid;
}

static void expect_free(const struct config *c, const char *lock)
{
	_cleanup_state_lock_ int fd = -1;
	_cleanup_free_ char *why = NULL;

	fd = state_lock_take(c, lock, 0, &why);
	ck_assert_msg(fd >= 0, "%s: %s", lock, why ? why : strerror(-fd));
}

START_TEST(test_whoever_has_it_is_named)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL, *pid_text = NULL;
	int fd, status;
	pid_t pid;

	config_tree_make(&t);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	pid = hold(&c, STATE_LOCK_TABLES, &fd);
	ck_assert_int_eq(
	    state_lock_take(&c, STATE_LOCK_TABLES, deadline_in(USEC_PER_SEC / 20), &why),
	    -EALREADY);
	ck_assert_int_gt(asprintf(&pid_text, "(pid %d)", (int)pid), 0);
	ck_assert_msg(strstr(why, pid_text) != NULL, "%s does not say %s", why, pid_text);
	expect_free(&c, STATE_LOCK_SYNC);
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_free(&c, STATE_LOCK_TABLES);
}
END_TEST

START_TEST(test_it_is_waited_for)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_state_lock_ int lock = -1;
	_cleanup_free_ char *why = NULL;
	pid_t pid;
	int fd;

	config_tree_make(&t);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	pid = hold(&c, STATE_LOCK_TABLES, &fd);
	if (fork() == 0) { /* lets go of it in a while */
		(void)poll(NULL, 0, 100);
		_exit(0);
	}
	close(fd);
	lock =
	    state_lock_take(&c, STATE_LOCK_TABLES, deadline_in(20 * USEC_PER_SEC), &why);
	ck_assert_msg(lock >= 0, "%s", why);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(test_a_link_is_no_lock)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	ck_assert_int_eq(mkdirat(c.fd, STATE_FOLDER, 0700), 0);
	ck_assert_int_eq(
	    symlinkat("../made", c.fd, STATE_FOLDER "/" STATE_LOCK_TABLES), 0);
	ck_assert_int_eq(state_lock_take(&c, STATE_LOCK_TABLES, 0, &why), -ELOOP);
	ck_assert_int_lt(faccessat(c.fd, "made", F_OK, 0), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_whoever_has_it_is_named,
	    test_it_is_waited_for,
	    test_a_link_is_no_lock,
	};

	return check_program("state-lock", tests, ELEMENTSOF(tests));
}
