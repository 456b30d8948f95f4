/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between our code and free(3): the programs are linked with --wrap=free. */

#include "freed-memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static struct {
	const char *pattern;
	unsigned hits;
} watch;

/* The linker's names for the caller's free() and the real one. */
void __wrap_free(void *block);
void __real_free(void *block);

void __wrap_free(void *block)
{
	if (block && watch.pattern &&
	    memmem(
		block, malloc_usable_size(block), watch.pattern, strlen(watch.pattern)))
		watch.hits++;
	__real_free(block);
}

void freed_memory_watch(const char *pattern)
{
	watch.pattern = pattern;
	watch.hits = 0;
}

unsigned freed_memory_hits(void)
{
	return watch.hits;
}
