/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the manager*.c files share; for nobody else. */

#include <systemd/sd-bus.h>

#include "manager.h"

#define MANAGER_NAME "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"

static inline void manager_message_unref(sd_bus_message **m)
{
	sd_bus_message_unref(*m);
}
#define _cleanup_bus_message_ _cleanup_(manager_message_unref)
#define _cleanup_bus_error_ _cleanup_(sd_bus_error_free)

/* Sets *ret_why to "<what>: <the error's words>" and returns `r`. */
int manager_complain(int r, const sd_bus_error *error, const char *what, char **ret_why);
