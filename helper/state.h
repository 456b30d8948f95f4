/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The cache as bytes, to outlive the process: what tokens there are, and what has been
 * refused and is not to be tried again at once. Pure: no I/O, time is a parameter
 * (microseconds of CLOCK_BOOTTIME). Bytes are read by a helper of this boot of this
 * machine only, since nothing that keeps them survives a reboot: so numbers are in the
 * machine's own form, and moments mean the same to writer and reader.
 */

#include <stddef.h>
#include <stdint.h>

#include "cache.h"

/* Above what CACHE_ENTRIES_MAX entries of the longest names, tokens, reasons and records take. */
#define STATE_SIZE_MAX ((size_t)128 * 1024 * 1024)

/*
 * Appends the state to `out`, which must be empty, and tells how many entries it has:
 * those with a token that has not expired, and those with something to remember. 0,
 * -ENOMEM or -EIO.
 */
_must_check_ int state_write(const struct cache *c, uint64_t generation, uint64_t now,
    struct secret *out, unsigned *ret_entries);

/*
 * Reads a state into a cache of its own, for cache_restore(); of two states, the one of
 * the greater generation is the newer. 0; -ENOMEM; -EBADMSG with *ret_why (a constant)
 * for anything that state_write() would not have written at a moment up to `now`.
 */
_must_check_ int state_parse(const void *bytes, size_t n, uint64_t now,
    struct cache **ret, uint64_t *ret_generation, const char **ret_why);
