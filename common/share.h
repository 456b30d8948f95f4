/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How the last places of a limit are shared, so that nobody keeps all others out. */

#include <stdbool.h>
#include <stddef.h>

/* Of all places, this part is not for one holder alone. */
#define SHARE_PART 8

/*
 * Whether a holder of `own` places may have another where `taken` of `max` (taken <= max) are
 * taken by all: of the last ones each holder gets no more than are left then.
 */
static inline bool share_allows(size_t max, size_t taken, size_t own)
{
	size_t left = max - taken;

	return left > max / SHARE_PART || own < left;
}

/* Whether any holder may, so that nobody's places need to be counted. */
static inline bool share_allows_all(size_t max, size_t taken)
{
	return share_allows(max, taken, max);
}
