/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* URLs of token services: checked strictly, the tenant put in, queries appended. Pure. */

#include <stdbool.h>

#include "secret.h"

/* Whether a host (no port, no brackets) is this machine: localhost, 127.0.0.0/8, ::1. */
bool url_host_is_loopback(const char *host);

/* Appends a text percent-encoded (RFC 3986 2.1): all but letters, digits, "-._~". 0 or -ENOMEM. */
_must_check_ int url_encode(struct secret *out, const char *text);

/* Appends "name=value", both encoded, after `separator` if that is not NUL. 0 or -ENOMEM. */
_must_check_ int url_add_pair(
    struct secret *out, char separator, const char *name, const char *value);

/*
 * Puts a tenant into a token service's URL as tokenServiceURLType Common has it: for
 * {tenant} wherever it stands, else as a label before the host. `tenant` is a DNS label.
 * Appends the result: 0; -EINVAL if the host is an address and there is no {tenant};
 * -ENOMEM.
 */
_must_check_ int url_insert_tenant(
    const char *url, const char *tenant, struct secret *out);

/*
 * Checks a URL: http or https (plain http for loopback hosts only), no user, a DNS name
 * or address as host, a port from 1 to 65535 if any, visible ASCII, no fragment. Returns
 * 0 and the host without port and brackets (malloc'd); -EINVAL with *ret_reason a
 * constant string that goes on after "key 'x' "; -ENOMEM.
 */
_must_check_ int url_check(const char *url, char **ret_host, const char **ret_reason);
