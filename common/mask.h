/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keeps a secret out of text that somebody else wrote and that may quote it: a server
 * that repeats the line it did not understand repeats the password in it.
 */

#include "secret.h"

/* A run of so many characters of a secret is enough to be hidden; shorter ones are words. */
#define MASK_RUN_MIN ((size_t)8)
/* Secrets that are shorter than this would mask ordinary letters. */
#define MASK_SECRET_MIN ((size_t)3)

/*
 * Overwrites with '*' every run in `text` that also stands in the `n` bytes of `value`:
 * of at least MASK_RUN_MIN bytes, or the whole value where it is shorter.
 */
void mask_secret(struct secret *text, const char *value, size_t n);
