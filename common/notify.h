/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sd_notify(3) and sd_watchdog_enabled(3), without a library that each process would load
 * and without waiting: libsystemd's own blocks while the service manager's queue is full.
 */

#include <stdbool.h>
#include <stdint.h>

#include "macro.h"

/*
 * Sends NAME=value lines, and `fd` with them unless it is -1, to $NOTIFY_SOCKET: 0;
 * -ENOTCONN if there is none; -EAGAIN if the manager's queue is full; another -errno.
 */
_must_check_ int notify_send(const char *state, int fd);

/* The same for what nothing depends on: news of which there will be more. */
void notify_tell(const char *state);

/* Microseconds between two WATCHDOG=1 (half of $WATCHDOG_USEC), 0 for none. */
uint64_t notify_watchdog_usec(void);

/*
 * Whether we are the main process of a systemd service ($SYSTEMD_EXEC_PID, systemd 248):
 * then the processes we leave behind stay in the service's control group.
 */
bool notify_is_service(void);
