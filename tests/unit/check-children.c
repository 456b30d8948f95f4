/* SPDX-License-Identifier: Apache-2.0 */
/* The table of session processes: who has ended, how, and who is not ours. What an
 * earlier process left is check-children-left-over's. */

#include "children.h"

#include <errno.h>

#include "check-program.h"
#include "sleeper.h"

static void nobody_is_left(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

START_TEST(test_ends_are_told_one_by_one)
{
	static const int ways[] = {
	    0, 1, 2, 77, 255, -SIGTERM, -SIGKILL, -SIGSEGV, -SIGABRT, -SIGPIPE, -SIGHUP};
	struct children c;
	struct child_end end;
	bool seen[ELEMENTSOF(ways)] = {false};

	ck_assert_int_eq(children_init(&c, ELEMENTSOF(ways)), 0);
	for (unsigned i = 0; i < ELEMENTSOF(ways); i++)
		children_add(&c, sleeper_ended(ways[i]), i);
	for (size_t left = ELEMENTSOF(ways); left > 0; left--) {
		int way;

		ck_assert_uint_eq(children_count(&c), left);
		ck_assert(children_reap(&c, &end));
		ck_assert_uint_lt(end.service, ELEMENTSOF(ways));
		way = ways[end.service];
		ck_assert_msg(!seen[end.service], "%d: is told twice", way);
		seen[end.service] = true;
		if (way >= 0)
			ck_assert(
			    WIFEXITED(end.status) && WEXITSTATUS(end.status) == way);
		else
			ck_assert(
			    WIFSIGNALED(end.status) && WTERMSIG(end.status) == -way);
	}
	ck_assert_uint_eq(children_count(&c), 0);
	ck_assert(!children_reap(&c, &end));
	nobody_is_left();
	children_done(&c);
}
END_TEST

START_TEST(test_the_right_one_leaves_the_table)
{
	struct children c;
	struct child_end end;
	pid_t pids[5];

	for (unsigned who = 0; who < ELEMENTSOF(pids); who++) {
		ck_assert_int_eq(children_init(&c, ELEMENTSOF(pids)), 0);
		for (unsigned i = 0; i < ELEMENTSOF(pids); i++)
			children_add(&c, pids[i] = sleeper_start(), 100 + i);
		ck_assert(!children_reap(&c, &end));
		for (unsigned i = 0; i < ELEMENTSOF(pids); i++) {
			unsigned k = (who + i) % (unsigned)ELEMENTSOF(pids);

			sleeper_kill(pids[k]);
			ck_assert(children_reap(&c, &end));
			ck_assert_int_eq(end.pid, pids[k]);
			ck_assert_uint_eq(end.service, 100 + k);
			ck_assert(!children_reap(&c, &end));
			ck_assert_uint_eq(children_count(&c), ELEMENTSOF(pids) - 1 - i);
		}
		children_done(&c);
	}
}
END_TEST

START_TEST(test_who_goes_on_has_not_ended)
{
	struct children c;
	struct child_end end;
	siginfo_t info;
	pid_t pid = sleeper_start();

	ck_assert_int_eq(children_init(&c, 1), 0);
	children_add(&c, pid, 0);
	ck_assert(!children_reap(&c, &end));
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
	ck_assert(!children_reap(&c, &end));
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOWAIT), 0);
	ck_assert(!children_reap(&c, &end));
	ck_assert_uint_eq(children_count(&c), 1);
	sleeper_kill(pid);
	ck_assert(children_reap(&c, &end));
	children_done(&c);
}
END_TEST

/* As process 1 of a container has them. */
START_TEST(test_foreign_children_do_not_count_and_are_reaped)
{
	struct children c;
	struct child_end end;
	pid_t running = sleeper_start(), ours;

	ck_assert_int_eq(children_init(&c, 3), 0);
	for (int i = 0; i < 5; i++)
		(void)sleeper_ended(i);
	ours = sleeper_ended(42);
	children_add(&c, ours, 9);
	for (int i = 0; i < 5; i++)
		(void)sleeper_ended(i);
	ck_assert_uint_eq(children_count(&c), 1);
	ck_assert(children_reap(&c, &end));
	ck_assert_int_eq(end.pid, ours);
	ck_assert_int_eq(WEXITSTATUS(end.status), 42);
	ck_assert_uint_eq(end.service, 9);
	ck_assert(!children_reap(&c, &end));
	ck_assert_uint_eq(children_count(&c), 0);
	sleeper_end(running);
	nobody_is_left();
	children_done(&c);
}
END_TEST

START_TEST(test_a_process_id_may_come_again)
{
	struct children c;
	struct child_end end;
	pid_t pid = sleeper_ended(1);

	ck_assert_int_eq(children_init(&c, 1), 0);
	children_add(&c, pid, 1);
	ck_assert(children_reap(&c, &end));
	/* somebody else's child by the same id: there is none of ours any more */
	ck_assert_uint_eq(children_count(&c), 0);
	children_add(&c, pid, 2);
	ck_assert_uint_eq(children_count(&c), 1);
	ck_assert(!children_reap(&c, &end));
	children_done(&c);
}
END_TEST

START_TEST(test_without_children)
{
	struct children c = {0};
	struct child_end end;

	children_done(&c);
	ck_assert_int_eq(children_init(&c, 4096), 0);
	ck_assert_uint_eq(children_count(&c), 0);
	ck_assert(!children_reap(&c, &end));
	children_done(&c);
	ck_assert_uint_eq(children_count(&c), 0);
	children_done(&c);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_ends_are_told_one_by_one,
	    test_the_right_one_leaves_the_table,
	    test_who_goes_on_has_not_ended,
	    test_foreign_children_do_not_count_and_are_reaped,
	    test_a_process_id_may_come_again,
	    test_without_children,
	};

	return check_program("children", tests, ELEMENTSOF(tests));
}
