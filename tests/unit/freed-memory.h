/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sees every block that the code under test frees, just before it is freed: whether a
 * secret was left in one. */

#include <stdbool.h>

/* From now on, looks for `pattern` (borrowed) in freed blocks; NULL stops looking. */
void freed_memory_watch(const char *pattern);

/* How many blocks were freed with the pattern in them since the last call of
 * freed_memory_watch(). */
unsigned freed_memory_hits(void);
