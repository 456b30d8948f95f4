/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* SHA-256 (FIPS 180-4), for names of things that must not be told: tokens, requests. */

#include <stddef.h>

#include "macro.h"

#define DIGEST_SHA256_SIZE 32
#define DIGEST_SHA256_HEX_SIZE (2 * DIGEST_SHA256_SIZE + 1)

/* The digest of `n` bytes: 0, or -EIO if the library refuses. */
_must_check_ int digest_sha256(
    const void *bytes, size_t n, unsigned char ret[DIGEST_SHA256_SIZE]);

/* The same as 64 lower-case hexadecimal digits and a NUL. */
_must_check_ int digest_sha256_hex(
    const void *bytes, size_t n, char ret[DIGEST_SHA256_HEX_SIZE]);
