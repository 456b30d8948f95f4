/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For tests that do to their process what cannot be undone for the next row of a table:
 * to its low descriptors, its environment, its children. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Runs `play` in a process of its own. It returns what it found wrong, a string that
 * stays, or NULL; that goes to standard error. Returns the status as waitpid(2) gives it,
 * 0 if nothing was wrong or leaked.
 */
static inline int apart_run(
    const char *label, const char *(*play)(const void *row), const void *row)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const char *wrong = play(row);

		if (wrong)
			dprintf(STDERR_FILENO, "%s: %s\n", label, wrong);
		exit(wrong ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* The same; the test fails if anything is wrong. */
static inline void apart(
    const char *label, const char *(*play)(const void *row), const void *row)
{
	int status = apart_run(label, play, row);

	ck_assert_msg(status == 0, "%s: went wrong, as standard error says (status %#x)",
	    label, (unsigned)status);
}
