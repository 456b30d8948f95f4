/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* User names where ',' and '=' have a meaning of their own: saslname of RFC 5801 4 and
 * RFC 5802 5.1. */

#include "secret.h"

/* Appends the name with "=2C" for ',' and "=3D" for '=': 0 or -ENOMEM. */
_must_check_ int saslname_append(struct secret *out, const char *user);
