/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The replies of the helper's methods. Each appends to `out`: 0 or -ENOMEM. */

#include "cache.h"
#include "secret.h"

/* A reply without parameters. */
_must_check_ int reply_empty(struct secret *out);

/* An error, with one string parameter unless `key` is NULL. */
_must_check_ int reply_error(
    struct secret *out, const char *error, const char *key, const char *value);

/* What a method answers that needs OpenSession before it. */
_must_check_ int reply_not_open(struct secret *out);

/* varlink's own InvalidParameter. */
_must_check_ int reply_invalid_parameter(struct secret *out, const char *name);

/* What GetToken and RejectToken answer; nothing for CACHE_WAIT. */
_must_check_ int reply_answer(struct secret *out, const struct cache_answer *answer);
