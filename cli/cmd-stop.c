/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest stop --sessions: ends sessions, and nothing else. A process is held by its
 * descriptor (pidfd_open(2)) before it is looked at, so that the number cannot have passed
 * to another one.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "answer.h"
#include "options.h"
#include "sessions.h"

struct held {
	pid_t pid;
	int fd;
};

static bool is_session(const struct sessions_seen *s, pid_t pid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].pid == pid)
			return true;
	return false;
}

static void hold(const struct sessions_seen *s, struct held *held)
{
	for (size_t i = 0; i < s->n; i++)
		held[i] = (struct held){
		    s->list[i].pid, (int)syscall(SYS_pidfd_open, s->list[i].pid, 0)};
}

/* Ends those that still are sessions: how many, or -errno of the last that would not. */
static int end(const struct sessions_seen *now, const struct held *held, size_t n)
{
	int ended = 0, failure = 0;

	for (size_t i = 0; i < n; i++) {
		if (held[i].fd < 0 || !is_session(now, held[i].pid))
			continue; /* it has ended by itself */
		if (syscall(SYS_pidfd_send_signal, held[i].fd, SIGTERM, NULL, 0) == 0)
			ended++;
		else if (errno != ESRCH)
			failure = -errno;
	}
	return failure < 0 ? failure : ended;
}

static int stop(const char *name, char **ret_why)
{
	_cleanup_sessions_ struct sessions_seen before = {0}, now = {0};
	_cleanup_free_ struct held *held = NULL;
	int r;

	r = sessions_read(name, &before, ret_why);
	if (r < 0 || before.n == 0)
		return r;
	held = calloc(before.n, sizeof(*held));
	if (!held)
		return -ENOMEM;
	hold(&before, held);
	r = sessions_read(name, &now, ret_why);
	if (r == 0)
		r = end(&now, held, before.n);
	for (size_t i = 0; i < before.n; i++)
		if (held[i].fd >= 0)
			(void)close(held[i].fd); /* it was only to be pointed at */
	return r;
}

static int report(const struct cli *c, int ended, bool was_named)
{
	_cleanup_answer_ struct answer a = {0};

	if (c->json) {
		answer_begin(&a);
		json_writer_integer(&a.w, "ended", ended);
		if (!answer_end(&a))
			return CLI_FAILED;
	} else {
		printf("Ended %d session%s.\n", ended, ended == 1 ? "" : "s");
	}
	return was_named && ended == 0 ? CLI_NOTHING : CLI_OK;
}

int cmd_stop(struct cli *c, int argc, char **argv)
{
	_cleanup_free_ char *why = NULL;
	bool sessions = false;
	const struct cli_option own[] = {{"sessions", &sessions, NULL}};
	char **words;
	int r;

	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 0, 1, &words))
		return CLI_USAGE;
	if (!sessions) {
		cli_complain(
		    "stop: say --sessions, if sessions are to be ended; a port is "
		    "closed by removing its resource, and maildest apply");
		return CLI_USAGE;
	}
	r = stop(words[0], &why);
	return r < 0 ? cli_fail(r, why) : report(c, r, words[0] != NULL);
}
