/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Base64 of RFC 4648 section 4: padded, no white space, canonical. */

#include "secret.h"

/* Appends the encoding of `n` bytes to `out`: 0 or -ENOMEM. */
_must_check_ int base64_encode(const void *bytes, size_t n, struct secret *out);

/*
 * Appends the decoding of `n` characters to `out` (which may then hold NUL bytes).
 * -EBADMSG for a length that is no multiple of four, a character outside the alphabet,
 * misplaced padding, or bits set that the padding says are unused; -ENOMEM.
 * On failure `out` is as before.
 */
_must_check_ int base64_decode(const char *text, size_t n, struct secret *out);
