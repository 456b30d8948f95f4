/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted, failures come last. */

#include "samples.h"

#include <errno.h>

int samples_init(struct samples *s, size_t n)
{
	s->usec = calloc(n, sizeof(*s->usec));
	if (!s->usec)
		return -ENOMEM;
	s->n = n;
	for (size_t i = 0; i < n; i++)
		s->usec[i] = SAMPLES_FAILED;
	return 0;
}

void samples_done(struct samples *s)
{
	free(s->usec);
	*s = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest sample that `percent` of the first n are not above. */
static int64_t percentile(const struct samples *s, size_t n, size_t percent)
{
	return (int64_t)s->usec[(n * percent + 99) / 100 - 1];
}

void samples_write(struct samples *s, struct json_writer *w)
{
	size_t ok = 0;

	qsort(s->usec, s->n, sizeof(*s->usec), compare);
	while (ok < s->n && s->usec[ok] != SAMPLES_FAILED)
		ok++;
	json_writer_integer(w, "ok", (int64_t)ok);
	json_writer_integer(w, "failed", (int64_t)(s->n - ok));
	if (ok == 0)
		return;
	json_writer_integer(w, "p50_usec", percentile(s, ok, 50));
	json_writer_integer(w, "p99_usec", percentile(s, ok, 99));
}
