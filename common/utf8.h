/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* UTF-8 of RFC 3629: shortest forms only, no surrogates, at most U+10FFFF. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length (1 to 4) of the well-formed sequence that `text` starts with, or 0. */
size_t utf8_sequence(const char *text, size_t len);

/* Whether all of the text is well-formed. */
bool utf8_is_valid(const char *text, size_t len);

/* Writes a code point (no surrogate, at most U+10FFFF) as 1 to 4 bytes; returns how many. */
size_t utf8_encode(uint32_t code_point, char *out);
