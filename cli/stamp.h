/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whether somebody has edited the configuration meanwhile. */

#include "config.h"
#include "digest.h"

/* Of everything that maildest-sync.path watches; equal while nothing of it has changed. */
struct stamp {
	char digest[DIGEST_SHA256_HEX_SIZE];
};

/*
 * Looks at inodes, sizes and times of services/, instances/ and maildest.conf, not at what
 * the files say. 0; -ENOMEM; -EIO (digest.h). What is not there or cannot be looked at is a
 * stamp too.
 */
_must_check_ int stamp_take(const struct config *c, struct stamp *ret);
