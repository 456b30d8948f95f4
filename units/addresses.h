/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An address of its own in 127.88.0.0/16 for each service, so that many can have the same
 * port. It follows from the service's name (its SHA-256), so that it is the same before
 * and after it is recorded, and on each host; where two names would have the same one,
 * the later name, in the order of strcmp(3), takes the next that is free.
 */

#include "network.h"

/* How many there are: those that end in .0 and .255 are left out, some programs dislike them. */
#define ADDRESSES_MAX (256 * 254)

struct addresses; /* which are taken */

/* NULL without memory. */
struct addresses *addresses_new(void);
struct addresses *addresses_free(struct addresses *a);

/* Marks an address as taken; others than of the range are ignored. Whether it was not yet. */
bool addresses_take(struct addresses *a, const struct address *taken);

/* Gives an address to a name: 0; -ENOSPC if none is left; -EIO (see digest.h). */
_must_check_ int addresses_give(
    struct addresses *a, const char *name, struct address *ret);
