/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The syntax of JSON (RFC 8259), checked strictly; what json.c believes before it tokenises. */

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether `len` bytes are exactly one JSON text. If not, *ret_at is where that shows and
 * *ret_reason a constant phrase without any content of the text.
 */
bool json_scan(const char *text, size_t len, size_t *ret_at, const char **ret_reason);

/*
 * Decodes the escapes of a string's inside, in place; the text must have passed
 * json_scan(). Returns the new length, never more than `len`.
 */
size_t json_unescape(char *text, size_t len);
