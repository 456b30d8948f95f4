/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sd_notify(3) and sd_watchdog_enabled(3), without a library that each process would load. */

#include <stdbool.h>
#include <stdint.h>

#include "macro.h"

/* Sends NAME=value lines to $NOTIFY_SOCKET, if there is one: nobody may be listening. */
void notify_send(const char *state);

/* Microseconds between two WATCHDOG=1 (half of $WATCHDOG_USEC), 0 for none. */
uint64_t notify_watchdog_usec(void);

/*
 * Whether we are the main process of a systemd service ($SYSTEMD_EXEC_PID, systemd 248):
 * then the processes we leave behind stay in the service's control group.
 */
bool notify_is_service(void);
