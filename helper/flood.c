/* SPDX-License-Identifier: Apache-2.0 */
/* The moments of each owner's last tries, in a ring; the oldest of them decides. */

#include "flood.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Moments are 0 for none. */
struct owner {
	unsigned char key[DIGEST_SHA256_SIZE];
	uint64_t tries[FLOOD_TRIES];
	unsigned next; /* the place of the oldest */
};

struct flood {
	struct owner *owners; /* room for FLOOD_OWNERS_MAX */
	unsigned n;
};

int flood_new(struct flood **ret)
{
	struct flood *f = calloc(1, sizeof(*f));

	if (f)
		f->owners = calloc(FLOOD_OWNERS_MAX, sizeof(*f->owners));
	if (!f || !f->owners) {
		flood_free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

struct flood *flood_free(struct flood *f)
{
	if (f)
		free(f->owners);
	free(f);
	return NULL;
}

static bool is_recent(uint64_t when, uint64_t now)
{
	return when > 0 && now < when + FLOOD_WINDOW_USEC;
}

static uint64_t last_try(const struct owner *o)
{
	return o->tries[(o->next + FLOOD_TRIES - 1) % FLOOD_TRIES];
}

/* The owner's ring, or else that of whoever has been quiet longest. */
static struct owner *find(struct flood *f, const unsigned char key[DIGEST_SHA256_SIZE])
{
	struct owner *o = f->owners;

	for (unsigned i = 0; i < f->n; i++) {
		if (memcmp(f->owners[i].key, key, DIGEST_SHA256_SIZE) == 0)
			return &f->owners[i];
		if (last_try(&f->owners[i]) < last_try(o))
			o = &f->owners[i];
	}
	if (f->n < FLOOD_OWNERS_MAX)
		o = &f->owners[f->n++];
	*o = (struct owner){0};
	memcpy(o->key, key, DIGEST_SHA256_SIZE);
	return o;
}

bool flood_has_room(
    const struct flood *f, const unsigned char owner[DIGEST_SHA256_SIZE], uint64_t now)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct owner *o = &f->owners[i];

		if (memcmp(o->key, owner, DIGEST_SHA256_SIZE) == 0)
			return !is_recent(o->tries[o->next], now);
	}
	return true; /* who has no ring has tried nothing */
}

bool flood_admit(
    struct flood *f, const unsigned char owner[DIGEST_SHA256_SIZE], uint64_t now)
{
	struct owner *o = find(f, owner);

	if (is_recent(o->tries[o->next], now))
		return false;
	o->tries[o->next] = now;
	o->next = (o->next + 1) % FLOOD_TRIES;
	return true;
}
