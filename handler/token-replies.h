/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within token.c's job: what the helper's replies hold. */

#include "token.h"

/*
 * Takes the reply to a call: what it holds goes to the source, a token to `ret` (NULL: to
 * nowhere). 0, or as token_wait().
 */
_must_check_ int token_replies_take(struct token_source *t, enum token_call call,
    const struct json *reply, struct secret *ret, char **ret_why);

/* Wipes and frees. */
void token_proxy_done(struct token_proxy *p);
