/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A helper that dies and comes back: a process that listens at a path and treats each
 * connection as the test says. Where texts stand for messages, a line feed stands for the
 * NUL behind each. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "config-tree.h"
#include "deadline.h"
#include "peer.h"
#include "secret.h"

#define HELPER_VISITS_MAX 8

struct helper_visits {
	/* What is answered on each connection before it ends; the last one goes on until
	 * the other side leaves. A '!' first: without having read what was asked. */
	const char *says[HELPER_VISITS_MAX];
	const char *asked;	/* what must be asked each time, if not NULL */
	const char *asked_then; /* what must be asked behind the last answer, likewise */
	bool dies_last;		/* does not wait for the other side to leave */
	bool leaves_for_good;	/* stops listening before the last connection ends */
	uint64_t late_usec;	/* before the first one is accepted */
	struct config_tree tree;
	char *path;
	int listener; /* the test's own, to see who comes once more; -1 if closed */
	pid_t pid;
};

static inline int helper_visits_listen(const char *path, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

/* Begins to listen; nobody accepts before helper_visits_start(). */
static inline void helper_visits_begin(struct helper_visits *v, int backlog)
{
	config_tree_make(&v->tree);
	v->path = config_tree_path(&v->tree, "helper.sock");
	v->listener = helper_visits_listen(v->path, backlog);
	v->pid = -1;
}

static inline void helper_visits_done(struct helper_visits *v)
{
	config_tree_done(&v->tree);
	free(v->path);
	if (v->listener >= 0)
		close(v->listener);
}
#define _cleanup_helper_visits_ _cleanup_(helper_visits_done)

/* Reads as many messages as `asked` has, and compares. */
static inline bool helper_visits_are_asked(int fd, const char *asked)
{
	char byte;

	for (; *asked; asked++)
		if (read(fd, &byte, 1) != 1 || byte != (*asked == '\n' ? '\0' : *asked))
			return false;
	return true;
}

static inline bool helper_visits_answer(int fd, const char *says)
{
	for (; *says; says++)
		if (send(fd, *says == '\n' ? "" : says, 1, MSG_NOSIGNAL) != 1)
			return false;
	return true;
}

static inline int helper_visits_wrong(const char *says, const char *what)
{
	fprintf(stderr, "the helper that says '%s': %s\n", says, what);
	return 1;
}

/* One connection, from its coming to its end. */
static inline int helper_visits_serve(
    const struct helper_visits *v, int listener, unsigned i, bool is_last)
{
	const char *says = v->says[i];
	_cleanup_close_ int fd = -1;
	char rest[4096];

	if (fd_wait(listener, POLLIN, deadline_in(20 * USEC_PER_SEC)) < 0)
		return helper_visits_wrong(says, "nobody comes");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return helper_visits_wrong(says, "cannot accept");
	if (says[0] == '!')
		return 0;
	if (v->asked && !helper_visits_are_asked(fd, v->asked))
		return helper_visits_wrong(says, "is asked something else");
	/* whatever it is: who ends before that is asked would not be told of */
	if (!v->asked && read(fd, rest, sizeof(rest)) <= 0)
		return helper_visits_wrong(says, "is asked nothing");
	if (!helper_visits_answer(fd, says))
		return helper_visits_wrong(says, "is not listened to");
	if (is_last && v->asked_then && !helper_visits_are_asked(fd, v->asked_then))
		return helper_visits_wrong(says, "is asked something else then");
	if (is_last && v->leaves_for_good)
		close(listener);
	while (is_last && !v->leaves_for_good && !v->dies_last &&
	       read(fd, rest, sizeof(rest)) > 0)
		;
	return 0;
}

static inline int helper_visits_play(int listener, void *data)
{
	const struct helper_visits *v = data;
	int r = 0;

	if (deadline_poll(NULL, 0, deadline_in(v->late_usec)) != -ETIMEDOUT)
		return helper_visits_wrong(v->says[0], "cannot be late");
	for (unsigned i = 0; r == 0 && v->says[i]; i++)
		r = helper_visits_serve(
		    v, listener, i, i + 1 == HELPER_VISITS_MAX || !v->says[i + 1]);
	return r;
}

static inline void helper_visits_start(struct helper_visits *v)
{
	int own = v->leaves_for_good ? -1 : dup(v->listener);

	v->pid = peer_start(helper_visits_play, v->listener, -1, v);
	v->listener = own;
}

/* Nobody has come since the last visit. */
static inline void helper_visits_expect_none(const struct helper_visits *v)
{
	ck_assert_msg(v->listener < 0 || fd_wait(v->listener, POLLIN, 0) == -ETIMEDOUT,
	    "the helper is asked once more");
}

/* All visits have taken place, and no more. The connection must have been closed, unless
 * the helper does that. */
static inline void helper_visits_finish(const struct helper_visits *v)
{
	ck_assert_msg(peer_verdict(v->pid) == 0,
	    "the helper's visits were others, as standard error says");
	helper_visits_expect_none(v);
}
