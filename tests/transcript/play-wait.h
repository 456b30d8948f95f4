/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The one place where the runner waits: for one descriptor, while all that is queued
 * leaves and the helper is played. */

#include <stdint.h>

#include "play.h"

/*
 * Waits until `fd` has `events` or something else may have changed: 0; -ETIMEDOUT; or
 * -EPROTO after saying what went wrong with the helper.
 */
_must_check_ int play_wait(struct play *p, int fd, short events, uint64_t deadline);

/* Sends whatever can be sent now. */
void play_flush(struct play *p);

/* Waits for bytes or the end from a peer: 0, -ETIMEDOUT, -EPROTO. */
_must_check_ int play_fill(struct play *p, struct peer *peer, uint64_t deadline);
