/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The end of a session that hangs where no deadline reaches, as in getaddrinfo(3):
 * SIGALRM tells the client, leaves the record and ends the process, with everything made
 * ready beforehand.
 */

#include <stdint.h>

#include "secret.h"

/*
 * Arms or re-arms: at `deadline` (deadline_now()'s clock) `reply` goes to `client_fd`,
 * `record` (from log_prepare()) to the journal, and the process exits with status 0. The
 * buffers are borrowed and must stay untouched until backstop_disarm(). 0 or -errno.
 */
_must_check_ int backstop_arm(int client_fd, const struct secret *reply,
    const struct secret *record, uint64_t deadline);

void backstop_disarm(void);
