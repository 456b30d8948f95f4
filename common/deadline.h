/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Absolute deadlines on CLOCK_MONOTONIC, in microseconds, and the one place that waits
 * for descriptors. A deadline covers a phase, never a single read, so that a peer sending
 * a byte a second cannot live for ever.
 */

#include <poll.h>
#include <stdint.h>

#include "macro.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)
#define DEADLINE_NEVER UINT64_MAX

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t deadline_now(void);

/* Microseconds of CLOCK_BOOTTIME: goes on while the machine sleeps; for ages of tokens. */
uint64_t deadline_boottime(void);

/*
 * Microseconds by which CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: between two looks it
 * grows by as much as the machine has slept, and by the moment that passes within a look.
 * By itself it says nothing, as a time namespace moves either clock.
 */
int64_t deadline_slept(void);

/* The moment `usec` from now; DEADLINE_NEVER stays what it is. */
uint64_t deadline_in(uint64_t usec);

/* Milliseconds left, rounded up, for poll(2): 0 when past, -1 for DEADLINE_NEVER. */
int deadline_poll_timeout(uint64_t deadline);

/*
 * Waits until one of `n` descriptors is ready or the deadline has passed. Interrupted
 * waits go on. Returns the number of ready descriptors, -ETIMEDOUT, or another -errno of
 * poll(2).
 */
_must_check_ int deadline_poll(struct pollfd *fds, unsigned n, uint64_t deadline);

/* Waits for `events` (POLLIN, POLLOUT) on one descriptor: 0, -ETIMEDOUT or -errno. */
_must_check_ int fd_wait(int fd, short events, uint64_t deadline);
