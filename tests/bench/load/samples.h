/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How long each of many things took, and which did not work out. */

#include <stddef.h>
#include <stdint.h>

#include "json-writer.h"
#include "macro.h"

struct samples {
	uint64_t *usec; /* owned; in each place one, or SAMPLES_FAILED */
	size_t n;
};
#define SAMPLES_FAILED UINT64_MAX

/* Room for `n`, all of them failed until set: 0 or -ENOMEM. */
_must_check_ int samples_init(struct samples *s, size_t n);
void samples_done(struct samples *s);
#define _cleanup_samples_ _cleanup_(samples_done)

/*
 * Writes the members "ok", "failed" and, if any is, "p50_usec" and "p99_usec" (nearest
 * rank) of those that worked out. Sorts.
 */
void samples_write(struct samples *s, struct json_writer *w);
