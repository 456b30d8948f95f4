/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a process that holds tokens does to itself before it holds any. */

#include <stdbool.h>

#include "macro.h"

/* No core dumps, no tracing by others of our uid, room for descriptors: 0 or -errno. */
_must_check_ int harden_process(void);

/*
 * Keeps all memory from being swapped, now and later: 0; -EPERM if the limit
 * RLIMIT_MEMLOCK is so low that allocations would fail once it is reached (nothing has
 * been locked then); -errno.
 */
_must_check_ int harden_memory(void);
