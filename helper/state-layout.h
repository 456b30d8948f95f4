/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How a state lies in memory; what state-write.c and state-parse.c share. Numbers are
 * unaligned and in the machine's own byte order.
 *
 *   state    header, then its entries
 *   entry    digests (32 bytes each, in the order below), moments (8 bytes each, in the order
 *            below), failures (4), failure (4: an enum cache_verdict), strings (in the order
 *            below), record
 *   string   length (4), as many bytes, without a NUL; an absent one is empty
 *   record   length (4), as many bytes
 *
 * The owner of an entry is not kept: it follows from the binding. Nor is the credential
 * itself, only its digest: whoever presents it finds its token here.
 * Whoever changes any of this, or the meaning of a member, raises STATE_VERSION.
 */

#include <stddef.h>
#include <stdint.h>

#include "cache-entry.h"

#define STATE_MAGIC "MDTOKENS"
#define STATE_VERSION 4

/* All of it without padding. */
struct state_header {
	char magic[8];
	unsigned char digest[DIGEST_SHA256_SIZE]; /* over all that follows it */
	uint32_t version;
	uint32_t entries;
	uint64_t length; /* of the whole state */
	uint64_t generation;
};
_Static_assert(sizeof(struct state_header) == 64, "no padding");

/* Where the digest begins to count. */
#define STATE_DIGESTED offsetof(struct state_header, version)

/* The digests of an entry's key. */
static const size_t state_digests[] = {
    offsetof(struct cache_entry, key.realm),
    offsetof(struct cache_entry, key.request),
    offsetof(struct cache_entry, key.identity),
    offsetof(struct cache_entry, key.credential),
};

/* The moments of an entry: 0 for never. */
static const size_t state_moments[] = {
    offsetof(struct cache_entry, fetched_at),
    offsetof(struct cache_entry, expires_at),
    offsetof(struct cache_entry, renew_at),
    offsetof(struct cache_entry, used_at),
    offsetof(struct cache_entry, failure_until),
    offsetof(struct cache_entry, rejected_at),
    offsetof(struct cache_entry, replaced_at),
    offsetof(struct cache_entry, identity_refused_until),
    offsetof(struct cache_entry, accepted_at),
};

/*
 * The strings of its binding, which come first; token, rejected_sha256, error and reason
 * follow, and, as bytes that may be NUL, the record that is not saved.
 */
static const size_t state_names[] = {
    offsetof(struct binding, service),
    offsetof(struct binding, destination),
    offsetof(struct binding, tenant),
    offsetof(struct binding, fragment),
    offsetof(struct binding, instance),
    offsetof(struct binding, level),
    offsetof(struct binding, fragment_optional),
    offsetof(struct binding, fragment_level),
    offsetof(struct binding, chain),
    offsetof(struct binding, chain_variables),
};
