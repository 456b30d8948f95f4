/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Processes that wait to be ended, for tests that count them. */

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that does nothing and does not outlive the test. */
static inline pid_t sleeper_start(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* A child that ends by itself, with a status or, below 0, a signal; it has ended. */
static inline pid_t sleeper_ended(int how)
{
	siginfo_t info;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_DUMPABLE, 0); /* no core files of tests */
		if (how >= 0)
			_exit(how);
		signal(-how, SIG_DFL);
		raise(-how);
		_exit(99);
	}
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

/* Kills it and waits for its end; it is not reaped. */
static inline void sleeper_kill(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* The same, reaped. */
static inline void sleeper_end(pid_t pid)
{
	sleeper_kill(pid);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
