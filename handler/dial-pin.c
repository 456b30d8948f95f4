/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page far below everything else, so that calls which change memory are told apart by
 * their addresses' upper halves. Where in there is as much a matter of chance as where the
 * program lies, so that bytes of a name server's answer are at no known place. A process
 * pins one list at a time.
 */

#include "dial-pin.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "dial.h"

/* linux/mman.h, since Linux 4.17 */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
/* Sanitizers have memory of their own there: the kernel chooses then, and there are no walls. */
#ifdef HAVE_SANITIZER
#define PLACEMENT 0
#else
#define PLACEMENT MAP_FIXED_NOREPLACE
#endif
/* The largest page of both architectures, to one of which the kernel rounds up. */
#define GRAIN UINT32_C(65536)

struct place {
	_Alignas(DIAL_PIN_STRIDE) struct addrinfo info;
	struct sockaddr_storage address;
};

static_assert(sizeof(struct place) == DIAL_PIN_STRIDE, "seccomp.c counts on it");
static_assert(DIAL_PIN_PLACES == DIAL_ADDRESSES_MAX, "there is one for each");

#define SIZE (DIAL_PIN_PLACES * sizeof(struct place))

static struct place *map_places(void)
{
	/* the bits of the program's own place in which one start differs from the next */
	const uint32_t lower = (uint32_t)((uintptr_t)dial_pin << 4) & ~(GRAIN - 1);
	void *const wanted = (void *)((uintptr_t)DIAL_PIN_UPPER << 32 | lower);
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | PLACEMENT;
	/* cppcheck-suppress invalidFunctionArg; its table forgets that -1 is no descriptor */
	void *const got = mmap(wanted, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (got == MAP_FAILED)
		return NULL;
	if (got == wanted || !PLACEMENT)
		return got;
	(void)munmap(got, SIZE); /* of no use */
	return NULL;
}

static void fill(struct place *places, const struct addrinfo *const *order, unsigned n)
{
	for (unsigned i = 0; i < DIAL_PIN_PLACES; i++) {
		const struct addrinfo *from = order[i % n];
		struct place *to = &places[i];

		to->info = *from;
		to->info.ai_canonname = NULL;
		to->info.ai_addrlen =
		    MIN_OF(from->ai_addrlen, (socklen_t)sizeof(to->address));
		memcpy(&to->address, from->ai_addr, to->info.ai_addrlen);
		to->info.ai_addr = (struct sockaddr *)&to->address;
		to->info.ai_next = i + 1 < n ? &places[i + 1].info : NULL;
	}
}

int dial_pin(const struct addrinfo *list, const struct addrinfo **ret)
{
	const struct addrinfo *order[DIAL_ADDRESSES_MAX];
	unsigned n = dial_order(list, order);
	struct place *places;

	if (n == 0)
		return -EADDRNOTAVAIL;
	places = map_places();
	if (!places)
		return -ENOMEM;
	fill(places, order, n);
	if (mprotect(places, SIZE, PROT_READ) < 0) {
		(void)munmap(places, SIZE); /* is given up anyway */
		return -ENOMEM;
	}
	*ret = &places->info;
	return 0;
}

void dial_unpin(const struct addrinfo **list)
{
	if (*list)
		(void)munmap((void *)(uintptr_t)*list, SIZE); /* is there */
	*list = NULL;
}
