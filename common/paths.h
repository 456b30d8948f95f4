/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where things lie that both programs must agree on. */

#include "macro.h"

/*
 * The helper's socket: `override` if not NULL, else $MAILDEST_HELPER_SOCKET if set and
 * not empty, else /run/maildest/helper.sock for root and system users and
 * /run/user/<uid>/maildest/helper.sock for others. *ret is malloc'd.
 * 0; -EINVAL if it is no absolute path; -ENAMETOOLONG if it does not fit a sockaddr_un;
 * -ENOMEM.
 */
_must_check_ int path_helper_socket(const char *override, char **ret);
