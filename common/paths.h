/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where things lie that both programs must agree on, and whose places these are. */

#include <stdbool.h>

#include "macro.h"

/*
 * Whether we run as root or as another user of the system (below systemd's SYSTEM_UID_MAX +
 * 1): then files lie in the system's places, else below the user's home.
 */
bool path_is_system_user(void);

/*
 * The helper's socket: `override` if not NULL, else $MAILDEST_HELPER_SOCKET if set and
 * not empty, else /run/maildest/helper.sock for root and system users and
 * /run/user/<uid>/maildest/helper.sock for others. *ret is malloc'd.
 * 0; -EINVAL if it is no absolute path; -ENAMETOOLONG if it does not fit a sockaddr_un;
 * -ENOMEM.
 */
_must_check_ int path_helper_socket(const char *override, char **ret);
