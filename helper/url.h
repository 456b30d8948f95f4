/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* URLs of token services: checked strictly, the tenant put in, queries appended. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"

/*
 * Whether a host (no port, no brackets) is this machine: localhost and names below it
 * (RFC 6761 6.3; libcurl asks nobody for them), 127.0.0.0/8, ::1.
 */
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
 * Puts a tenant into the URL of an XSUAA in the place of whoever it belongs to, which is
 * its host's first label. `url` has passed url_check(), `tenant` is a DNS label. Appends
 * the result: 0; -EINVAL if the host is an address or has one label only; -ENOMEM.
 */
_must_check_ int url_replace_tenant(
    const char *url, const char *tenant, struct secret *out);

/* Where plain http may go. */
enum url_plain {
	URL_PLAIN_LOOPBACK,
	URL_PLAIN_ANYWHERE, /* something else protects the way, or has to */
};

/*
 * Checks a URL: http (as allowed) or https, no user, a DNS name or address as host, a
 * port from 1 to 65535 if any, visible ASCII, no fragment. Returns 0 and the host without
 * port and brackets (malloc'd); -EINVAL with *ret_reason a constant string that goes on
 * after "key 'x' "; -ENOMEM.
 */
_must_check_ int url_check(
    const char *url, enum url_plain plain, char **ret_host, const char **ret_reason);

/* Of a URL that has passed url_check(). */
bool url_is_https(const char *url);
uint16_t url_port(const char *url); /* the scheme's own if none is given */
/* Its path and query; "" if there are none. Borrowed. */
const char *url_path(const char *url);
