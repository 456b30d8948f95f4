/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* When certificates of the configuration end, and how loudly that is to be said. */

#include <stdint.h>

#include "config.h"
#include "table.h"

/* What the days that are left mean. */
enum expiry_level {
	EXPIRY_FINE,
	EXPIRY_MONTH, /* 30 days or less */
	EXPIRY_WEEK,  /* 7 */
	EXPIRY_DAY,   /* 1 */
	EXPIRY_OVER,
};

/* By seconds that are left, negative ones after the end. */
enum expiry_level expiry_level(int64_t left);

struct expiry {
	char *file;    /* "certificates/client.p12"; owned */
	char *subject; /* owned; "" if it has none */
	int64_t not_after;
};

struct expiries {
	struct expiry *list; /* owned; in the order of files */
	size_t n;
};

/*
 * Reads certificates/, the service keys in instances/, and connectivity.json. PKCS#12
 * stores are opened with the passwords that destinations name with them. Files that
 * cannot be read, or have no certificate, are left out: `maildest check` says why. 0 or
 * -ENOMEM.
 */
_must_check_ int expiry_collect(const struct config *c, struct expiries *ret);
void expiries_done(struct expiries *e);
#define _cleanup_expiries_ _cleanup_(expiries_done)
