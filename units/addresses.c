/* SPDX-License-Identifier: Apache-2.0 */
/* The range as a set of bits. */

#include "addresses.h"

#include <errno.h>
#include <string.h>

#include "digest.h"

#define FIRST 127
#define SECOND 88
#define LAST_MIN 1
#define LAST_COUNT 254

struct addresses {
	bool taken[ADDRESSES_MAX];
};

struct addresses *addresses_new(void)
{
	return calloc(1, sizeof(struct addresses));
}

struct addresses *addresses_free(struct addresses *a)
{
	free(a);
	return NULL;
}

bool addresses_take(struct addresses *a, const struct address *taken)
{
	const unsigned char *b = taken->bytes;
	bool *place;

	if (taken->family != AF_INET || b[0] != FIRST || b[1] != SECOND ||
	    b[3] < LAST_MIN || b[3] >= LAST_MIN + LAST_COUNT)
		return true;
	place = &a->taken[b[2] * LAST_COUNT + b[3] - LAST_MIN];
	if (*place)
		return false;
	*place = true;
	return true;
}

int addresses_give(struct addresses *a, const char *name, struct address *ret)
{
	unsigned char digest[DIGEST_SHA256_SIZE];
	size_t start;
	int r;

	r = digest_sha256(name, strlen(name), digest);
	if (r < 0)
		return r;
	start = ((size_t)digest[0] << 16 | (size_t)digest[1] << 8 | digest[2]) %
		ADDRESSES_MAX;
	for (size_t i = 0; i < ADDRESSES_MAX; i++) {
		size_t k = (start + i) % ADDRESSES_MAX;

		if (a->taken[k])
			continue;
		a->taken[k] = true;
		*ret = (struct address){.family = AF_INET,
		    .bytes = {FIRST, SECOND, (unsigned char)(k / LAST_COUNT),
			(unsigned char)(k % LAST_COUNT + LAST_MIN)}};
		return 0;
	}
	return -ENOSPC;
}
