/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Why something failed, in words for an operator, handed up beside the -errno. */

#include "macro.h"

/*
 * Sets *ret to a malloc'd sentence, with '?' for control characters, and returns `error`;
 * without memory *ret is NULL and -ENOMEM is returned. What *ret held before is not freed.
 */
int reason_set(char **ret, int error, const char *format, ...) _printf_(3, 4);
