/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Access tokens from maildest-helper, over varlink (io.maildest.Helper). The connection
 * is bound to one service and destination with its first message, before anything from
 * outside is read, and the helper answers it for nothing else.
 */

#include <stdint.h>

#include "secret.h"

struct token_source {
	int fd; /* owned; -1 when closed */
	struct secret input;
	unsigned unanswered; /* replies that are still to come */
};
#define TOKEN_SOURCE_INIT \
	{                 \
		.fd = -1  \
	}

void token_source_done(struct token_source *t);
#define _cleanup_token_source_ _cleanup_(token_source_done)

/*
 * Connects to the helper's socket `path`, whose listener must be root's or our own user's
 * (SO_PEERCRED), and sends OpenSession and GetToken at once; the answer is awaited by
 * token_wait(). The token shall stay valid for `lifetime_sec`, as far as one fetch can
 * give that (the helper counts at most half of a whole life). 0; -ENOTCONN with *ret_why
 * (malloc'd) if it cannot be reached or is not trusted.
 */
_must_check_ int token_open(struct token_source *t, const char *path,
    const char *destination, uint64_t lifetime_sec, uint64_t deadline, char **ret_why);

/* Takes over a connected socket instead, for tests. 0 or as token_open(). */
_must_check_ int token_open_fd(struct token_source *t, int fd, const char *destination,
    uint64_t lifetime_sec, uint64_t deadline, char **ret_why);

/*
 * Waits for the token that has been asked for. 0 and the token appended to `ret`; else,
 * with *ret_why (malloc'd, foreign text escaped): -EINVAL the destination is wrong;
 * -ENOKEY refused for good by the token service; -EACCES refused by the mail server before; -EAGAIN not now; -ENOTCONN the helper is gone or broke the
 * protocol.
 */
_must_check_ int token_wait(
    struct token_source *t, uint64_t deadline, struct secret *ret, char **ret_why);

/* Says that the mail server refused `token`, and asks for a different one; then token_wait(). */
_must_check_ int token_reject(struct token_source *t, const struct secret *token,
    uint64_t deadline, char **ret_why);
