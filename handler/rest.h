/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Waiting long costs the host memory only once: what is free is given back at its beginning. */

#include "deadline.h"

/*
 * As deadline_poll(). When nothing has come for a moment, `give_up` (may be NULL) is
 * called with `userdata` to free what can be had again later; then all free memory of the
 * process goes back to the host, and the wait goes on.
 */
_must_check_ int rest_poll(struct pollfd *fds, unsigned n, uint64_t deadline,
    void (*give_up)(void *userdata), void *userdata);
