/* SPDX-License-Identifier: Apache-2.0 */
/* Substring by substring: texts are a line long, and this runs only when something failed. */

#include "mask.h"

#include <string.h>

/* How much of the start of `text` stands in `value`, if it is at least `least` bytes; else 0. */
static size_t common_run(
    const char *text, size_t len, const char *value, size_t n, size_t least)
{
	size_t run = least;

	if (len < least || !memmem(value, n, text, least))
		return 0;
	while (run < len && memmem(value, n, text, run + 1))
		run++;
	return run;
}

void mask_secret(struct secret *text, const char *value, size_t n)
{
	size_t least = MIN_OF(n, MASK_RUN_MIN), run;

	if (n < MASK_SECRET_MIN)
		return;
	for (size_t i = 0; i + least <= text->len; i += MAX_OF(run, (size_t)1)) {
		run = common_run(text->data + i, text->len - i, value, n, least);
		memset(text->data + i, '*', run);
	}
}
