/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How often credentials that nobody knows may be tried: anybody who reaches a mail port can
 * present as many as he likes, and each costs the token service a request, or is a guess at
 * a password. Pure: time is a parameter (microseconds of CLOCK_BOOTTIME).
 */

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"

/* So many tries of one owner (any digest: binding_owner(), ...) within any such time. */
#define FLOOD_TRIES 10
#define FLOOD_WINDOW_USEC UINT64_C(60000000)
/*
 * So many owners at once. Beyond it, whoever has been quiet longest is forgotten: a stranger
 * who finds no place would be locked out by others' tries.
 */
#define FLOOD_OWNERS_MAX 4096

struct flood;

_must_check_ int flood_new(struct flood **ret);
/* Takes NULL; returns NULL. */
struct flood *flood_free(struct flood *f);

/* Whether an owner's client may try an unknown credential now, which then counts. */
bool flood_admit(
    struct flood *f, const unsigned char owner[DIGEST_SHA256_SIZE], uint64_t now);

/* Whether flood_admit() would say so; nothing counts. */
bool flood_has_room(
    const struct flood *f, const unsigned char owner[DIGEST_SHA256_SIZE], uint64_t now);
