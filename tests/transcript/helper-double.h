/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Plays maildest-helper on a Unix socket. Each request for a token (GetToken,
 * RejectToken) gets the answer of the next setting:
 *
 *   helper: token TEXT            an access token; from now on ${token}
 *   helper: error NAME [REASON]   io.maildest.Helper.NAME
 *   helper: refuses-session NAME  the same, in answer to OpenSession
 *   helper: malformed             no JSON
 *   helper: silent                no answer
 *   helper: closes                the end of the connection
 *   helper: absent                nobody listens at all (alone)
 */

#include "script.h"
#include "text.h"

#define HELPER_ANSWERS_MAX 8

struct helper_double {
	int listen_fd, fd; /* owned */
	struct secret in;
	const struct step *answers[HELPER_ANSWERS_MAX]; /* borrowed */
	size_t n, next;
	struct secret tokens[HELPER_ANSWERS_MAX]; /* those given, the last one last */
	size_t n_tokens;
};
#define HELPER_DOUBLE_INIT                \
	{                                 \
		.listen_fd = -1, .fd = -1 \
	}

void helper_double_done(struct helper_double *h);

/* Collects the answers and listens at `path`, if the script has any: 0 or -errno. */
_must_check_ int helper_double_start(
    struct helper_double *h, const struct script *script, const char *path);

/* Does what can be done without waiting: 0, or -errno after saying what was wrong. */
_must_check_ int helper_double_serve(struct helper_double *h, struct values *v);

/* The descriptor to poll for reading, or -1. */
int helper_double_fd(const struct helper_double *h);

/* Whether every answer was called for: 0, or -EPROTO after saying which was not. */
_must_check_ int helper_double_finish(const struct helper_double *h);
