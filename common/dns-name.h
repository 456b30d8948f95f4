/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names as DNS and mail write them: letters, digits and hyphens (RFC 1123 2.1, RFC 5321 4.1.2). */

#include <stdbool.h>
#include <stddef.h>

#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX 253 /* as text, RFC 1035 2.3.4 */

/* Whether `len` bytes are one label: not empty, no hyphen at either end. */
bool dns_label_is_valid(const char *text, size_t len);

/* Whether a name is labels between dots, with none at its end. */
bool dns_name_is_valid(const char *name);
