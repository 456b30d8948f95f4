/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whether a service's sockets are open, by the kernel's word. */

#include "sockets.h"

struct service_unit;

/* Whether something listens at exactly this address: "127.0.0.1:587" or "/run/x.sock". */
bool place_is_open(const struct sockets_seen *s, const char *address);

/* Whether both sockets of a service are open. */
bool place_of_service_is_open(
    const struct sockets_seen *s, const struct service_unit *service);
