/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A SOCKS5 dialogue on a connection to a proxy, which is one to the server from then on. */

#include "socks5.h"

/*
 * Speaks to the proxy on a connected, non-blocking socket, reading not a byte more than
 * its answers, as the server's greeting may follow at once. `watch_fd`'s reset ends the
 * wait with -ECONNABORTED, -1 for none. 0; -ETIMEDOUT; -ECONNRESET; -EREMOTEIO if it
 * broke its protocol; others as socks5_begin() and socks5_take(); with *ret_why (malloc'd).
 */
_must_check_ int socks_connect(int fd, const struct socks5_request *q, int watch_fd,
    uint64_t deadline, char **ret_why);
