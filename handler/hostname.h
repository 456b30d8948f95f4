/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What this host calls itself. */

#include <stdbool.h>

#include "macro.h"

/*
 * The host's fully qualified name: its own name or, with `resolve`, what getaddrinfo(3)
 * makes of that. Without one its bare name, *ret_qualified then false. *ret is malloc'd
 * and a valid domain of RFC 5321 4.1.2. 0 or -ENOMEM.
 */
_must_check_ int hostname_get(bool resolve, char **ret, bool *ret_qualified);

/* The address literal (RFC 5321 4.1.3) of a connected socket's own address: 0 or -errno. */
_must_check_ int hostname_address_literal(int fd, char **ret);
