/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bytes in memory that can be handed to another process and that nobody can change any
 * more: memfd_create(2) with all seals.
 *
 * What that means for secrets. The pages belong to no process, so mlockall(2) does not
 * reach them; they are locked by a mapping of ours for as long as we hold it. When we are
 * dead and only the service manager has the descriptor, they are not (looked up in
 * /proc/kpageflags), until our successor maps them: after 100 ms, or as long as it cannot
 * be started. Then only the unit's MemorySwapMax= keeps them from being swapped. Being
 * sealed, they cannot be wiped; the kernel clears them before anybody else gets them.
 * They are not encrypted: the key would have to be kept in the same place.
 */

#include <stddef.h>

#include "macro.h"

/* A read-only mapping, locked in memory if the limits allow it; SEALED_INIT for none. */
struct sealed {
	const void *bytes; /* NULL for none */
	size_t size;
};
#define SEALED_INIT \
	{           \
		0   \
	}

void sealed_done(struct sealed *s);
#define _cleanup_sealed_ _cleanup_(sealed_done)

/*
 * Copies bytes into a new sealed memory file (close-on-exec, not executable where the
 * kernel has a seal for that) and maps it. Returns its descriptor, or -errno.
 */
_must_check_ int sealed_new(
    const char *name, const void *bytes, size_t n, struct sealed *ret);

/*
 * Maps one that came from elsewhere, of at most `max` bytes; it may be anything. 0;
 * -EBADMSG with *ret_why (a constant) if it is not such a file; another -errno.
 */
_must_check_ int sealed_open(
    int fd, size_t max, struct sealed *ret, const char **ret_why);
