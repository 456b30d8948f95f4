/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whether the server owes the client an answer: what tells, at the end of a session, a
 * server that was done from one that vanished within a mail. Bytes are counted, not
 * read, but for the last few, which may say goodbye. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

/* LOGOUT with its line end. */
#define UNANSWERED_TAIL_MAX 8

struct unanswered {
	char tail[UNANSWERED_TAIL_MAX]; /* the last of what the client said */
	size_t n;			/* of it */
	size_t asked;			/* so many bytes since the server spoke */
	unsigned lines;			/* in them, while they are few */
	bool goodbye;			/* that was QUIT or LOGOUT */
	bool alone;			/* ... and nothing before it was to be answered */
	bool answered;			/* it was not, and something came since */
};

/* The client's `n` bytes have gone to the server, or were lost on the way. */
void unanswered_ask(struct unanswered *u, const char *bytes, size_t n);

/* The server said something. Wipes what was kept. */
void unanswered_answer(struct unanswered *u);

/* Whether nothing came after the client's last words, and these were no QUIT or LOGOUT. */
bool unanswered_is(const struct unanswered *u);

/* Whether they were, and all that waited for an answer: whoever leaves then, does so in order. */
bool unanswered_is_goodbye(const struct unanswered *u);

/*
 * Whether something did come after them, and they were no QUIT or LOGOUT: a client that
 * ends then has, as far as can be told, nothing to wait for. A server's first words are
 * no answer.
 */
bool unanswered_is_none(const struct unanswered *u);
