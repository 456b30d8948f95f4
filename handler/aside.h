/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Work done away from the memory that later processes will write to. */

#include "macro.h"

/*
 * Calls work(argument) and returns what it returns. It runs in a thread of its own, so
 * that what it allocates lies in an arena of its own (malloc(3)): the heap that a fork
 * goes on with stays small and dense, and fewer pages are copied for each process. 0 or
 * what work() returned; -EAGAIN if there can be no thread.
 */
_must_check_ int aside_run(int (*work)(void *argument), void *argument);
