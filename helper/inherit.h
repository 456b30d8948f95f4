/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the service manager hands over at the start: sockets, and an earlier helper's state. */

#include "server.h"

/*
 * Gives each descriptor (sd_listen_fds_with_names(3)) to whom it belongs, by its name and
 * kind; others are closed with a record. Returns how many sockets there are to listen on:
 * 0 if none was given; -ENOTSOCK if only others were; another -errno.
 */
_must_check_ int inherit(struct server *server);
