/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The other end of a token source, held by the test: what it is told, what it answers. */

#include <string.h>

#include "check-program.h"
#include "scene.h"
#include "token.h"

struct helper {
	struct token_source t;
	int fd; /* the helper's end; owned; -1 when closed */
};

static inline void helper_leave(struct helper *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

static inline void helper_done(struct helper *h)
{
	token_source_done(&h->t);
	helper_leave(h);
}
#define _cleanup_helper_ _cleanup_(helper_done)

/* A source that has asked over a pair of sockets of a type. */
static inline void helper_begin(
    struct helper *h, int type, const struct token_request *request, uint64_t deadline)
{
	_cleanup_free_ char *why = NULL;
	int fds[2];

	scene_pair(type, fds);
	h->fd = fds[1];
	ck_assert_int_eq(token_open_fd(&h->t, fds[0], request, deadline, &why), 0);
	ck_assert_ptr_null(why);
}

/* Says a message that stands for itself, with its NUL, in pieces of a size. */
static inline void helper_answer(struct helper *h, const char *message, size_t piece)
{
	scene_say(h->fd, message, strlen(message) + 1, piece);
}

/* What the helper has been told, NUL bytes as line ends. */
static inline const char *helper_told(struct helper *h, struct secret *ret)
{
	scene_heard(h->fd, ret);
	for (size_t i = 0; i < ret->len; i++)
		if (ret->data[i] == '\0')
			ret->data[i] = '\n';
	return secret_str(ret);
}
