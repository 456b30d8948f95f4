/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Words on a terminal: colours, widths, times, and a sign of life when something takes long. */

#include <stdint.h>

#include "secret.h"
#include "table.h"

/* How many columns a text takes: its characters, each as wide as any. */
size_t terminal_width(const char *text);

/*
 * Appends foreign text of any length as printable UTF-8: control characters (C1's too),
 * invisible ones and what is no UTF-8 as \xNN. 0 or -ENOMEM.
 */
_must_check_ int terminal_escape(struct secret *out, const char *text, size_t len);

/* Prints a text so escaped, in a colour where there are colours. */
void terminal_print(const struct cli *c, enum table_colour colour, const char *text);

/* "3 days", "59 min", "12 s" of a number of seconds, as a malloc'd text; NULL without memory. */
char *terminal_duration(int64_t seconds);

/* "1.5 MiB" of a number of bytes; likewise. */
char *terminal_bytes(uint64_t bytes);

/* "2026-11-22 10:00 UTC" of a time; likewise. */
char *terminal_time(int64_t unix_seconds);

/*
 * Where somebody looks at standard error, shows `text` (borrowed until the end) there
 * once half a second has passed without terminal_progress_end().
 */
void terminal_progress(const struct cli *c, const char *text);
void terminal_progress_end(void);

/* From now on at once, and by no thread: the process is to start none any more. */
void terminal_progress_alone(void);
