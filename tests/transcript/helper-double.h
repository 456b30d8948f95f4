/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Plays maildest-helper on a Unix socket. Each request for a token (GetToken,
 * RejectToken, GetConnectivityProxy) gets the answer of the next setting:
 *
 *   helper: token TEXT            an access token; from now on ${token}
 *   helper: proxy TEXT            the Connectivity proxy at 127.0.0.1:20004, and TEXT as
 *                                 the token for it
 *   helper: client USER:PASSWORD accepted|refused   whether a client's login is right,
 *                                 which must be that one
 *   helper: error NAME [REASON]   io.maildest.Helper.NAME
 *   helper: refuses-session NAME  the same, in answer to OpenSession
 *   helper: malformed             no JSON
 *   helper: silent                no answer
 *   helper: closes                the end of the connection
 *   helper: idle                  no answer of its own: nobody asks for a token (alone)
 *   helper: absent                nobody listens at all (alone)
 *
 * "for CREDENTIAL " in front of an answer is what the request must carry as the client's own; the
 * request for any other answer must carry none.
 */

#include <stdbool.h>

#include "script.h"
#include "text.h"

#define HELPER_ANSWERS_MAX 8

struct helper_double {
	int listen_fd, fd; /* owned */
	struct secret in;
	const struct step *first; /* setting; borrowed; NULL if there is no helper */
	const struct step *answers[HELPER_ANSWERS_MAX]; /* borrowed */
	size_t n, next;
	bool session_refused; /* what the session asks besides is not answered */
	struct secret tokens[HELPER_ANSWERS_MAX]; /* all those given */
	size_t n_tokens;
	const struct secret *access_token,
	    *proxy_token; /* the last of each kind, or NULL */
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

/*
 * The credential that a request for this answer must carry, expanded into `ret`: 1; 0 if it
 * must carry none; -errno.
 */
_must_check_ int helper_double_credential(
    const struct step *answer, struct values *v, struct text *ret);

/* Whether every answer has been given. */
bool helper_double_is_through(const struct helper_double *h);

/* The descriptor to poll for reading, or -1. */
int helper_double_fd(const struct helper_double *h);

/* Whether every answer was called for: 0, or -EPROTO after saying which was not. */
_must_check_ int helper_double_finish(const struct helper_double *h);
