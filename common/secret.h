/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growable byte buffer that wipes whatever it held: on growth, when cleared and when
 * done. Everything that may ever carry a password or token lives in one, which in this
 * project means every message and every file, so no caller has to decide.
 *
 * Invariant: data is NULL or has cap bytes, len < cap and data[len] == '\0'.
 */

#include <stdarg.h>
#include <stddef.h>

#include "macro.h"

struct secret {
	char *data; /* owned; NUL-terminated when not NULL */
	size_t len; /* without the NUL */
	size_t cap;
};

/* Wipes and frees the contents; the struct may be used again. */
void secret_done(struct secret *s);
#define _cleanup_secret_ _cleanup_(secret_done)

/* Wipes the contents and keeps the memory. */
void secret_clear(struct secret *s);

/* The contents as a string: "" when nothing was ever appended. Borrowed. */
const char *secret_str(const struct secret *s);

/* Makes room for `n` more bytes and the NUL: 0 or -ENOMEM. */
_must_check_ int secret_reserve(struct secret *s, size_t n);

/* Append bytes, a string, a formatted string: 0 or -ENOMEM; on failure nothing is appended. */
_must_check_ int secret_append(struct secret *s, const void *bytes, size_t n);
_must_check_ int secret_puts(struct secret *s, const char *text);
/* All strings up to a NULL, without the copies on the stack that printf(3) leaves behind. */
_must_check_ int secret_concat(struct secret *s, ...) __attribute__((sentinel));
/* Never for what is secret itself: see secret_concat(). */
_must_check_ int secret_printf(struct secret *s, const char *format, ...) _printf_(2, 3);

/* Removes the first `n` bytes (n <= len) and wipes what they leave behind. */
void secret_consume(struct secret *s, size_t n);

/* Wipes and frees a NUL-terminated string; takes NULL; returns NULL. */
char *secret_free_string(char *text);

static inline void secret_free_stringp(char **text)
{
	*text = secret_free_string(*text);
}
#define _cleanup_erase_ _cleanup_(secret_free_stringp)
