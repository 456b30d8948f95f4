/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What ${name:arguments} stands for. Arguments are texts themselves. */

#include "text.h"

/* The brace that closes what `at` lies in, or NULL. */
const char *text_closing_brace(const char *at);

/* Appends the value of "name:arguments" (`n` bytes): 0, -EINVAL with *ret_why (constant),
 * -ENOMEM. */
_must_check_ int text_value(const char *source, size_t n, struct values *v,
    struct secret *out, const char **ret_why);
