/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* NUL-terminated texts: put together, and judged by the characters they consist of. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "macro.h"

/* A malloc'd text, as printf(3) and vprintf(3) would write it; NULL without memory. */
char *text_format(const char *format, ...) _printf_(1, 2);
char *text_vformat(const char *format, va_list arguments) _printf_(1, 0);

/* Whether a text consists of printable ASCII without white space; true of an empty one. */
bool text_is_visible(const char *text);

/* Whether `n` bytes are printable ASCII, with spaces or without; true of none. */
bool text_is_printable(const char *text, size_t n);

/* Whether a text has control characters: below space, or DEL. */
bool text_has_control(const char *text);
