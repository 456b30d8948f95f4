/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Threads that share a number of pieces of work. */

#include <stddef.h>
#include <stdint.h>

#include "macro.h"

/*
 * Does do_one(i, data) for all i below `n`, `concurrency` of them at a time, all starting
 * at one moment. *ret_usec is the time from there to the end of the last. 0 or -errno,
 * with nothing done.
 */
_must_check_ int workers_run(size_t concurrency, size_t n,
    void (*do_one)(size_t i, void *data), void *data, uint64_t *ret_usec);
