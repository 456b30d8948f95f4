/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the helper has of OpenSSL for what it seals itself: random bytes, keys derived with
 * HKDF-SHA256 (RFC 5869), and AES-256-GCM (NIST SP 800-38D); one call each, no contexts to
 * keep. What is passed in is borrowed. Pure, but for the random bytes.
 */

#include <stddef.h>

#include "macro.h"
#include "secret.h"

#define CRYPTO_KEY_SIZE 32
#define CRYPTO_NONCE_SIZE 12
#define CRYPTO_TAG_SIZE 16
/* What is made at once, in bytes, with a tag if it has one: as many as OpenSSL counts. */
#define CRYPTO_BYTES_MAX ((size_t)0x7fffffff)
/* What one derivation gives (RFC 5869 2.3). */
#define CRYPTO_DERIVED_MAX ((size_t)255 * 32)

/* Borrowed bytes; `bytes` is never NULL, also where `n` is 0. */
struct crypto_bytes {
	const void *bytes;
	size_t n;
};

/* `n` bytes, at most CRYPTO_BYTES_MAX, that nobody can foretell: 0; -EIO if there are none. */
_must_check_ int crypto_random(void *ret, size_t n);

/*
 * HKDF's extraction and expansion in one: `n` bytes, 1 to CRYPTO_DERIVED_MAX, which tell
 * nothing of `secret` and are others for each salt and `info` (what they are for). The
 * caller wipes them. 0, or -EIO if the library refuses.
 */
_must_check_ int crypto_derive(struct crypto_bytes secret, struct crypto_bytes salt,
    struct crypto_bytes info, unsigned char *ret, size_t n);

/*
 * How a text is sealed, and so how it opens. Borrowed. No nonce may serve a key twice (SP
 * 800-38D 8): who sees to it is the caller.
 */
struct crypto_sealing {
	const unsigned char *key;	/* CRYPTO_KEY_SIZE bytes */
	const unsigned char *nonce;	/* CRYPTO_NONCE_SIZE bytes */
	struct crypto_bytes associated; /* authenticated beside the text, and not in it */
};

/*
 * Appends the ciphertext, as long as the text is, and its tag of CRYPTO_TAG_SIZE bytes. 0;
 * -EFBIG above CRYPTO_BYTES_MAX; -ENOMEM; -EIO if the library refuses. On failure nothing
 * is appended.
 */
_must_check_ int crypto_seal(
    const struct crypto_sealing *how, struct crypto_bytes text, struct secret *ret);

/*
 * Appends the text of what crypto_seal() made, the tag included. 0; -EBADMSG for anything
 * that was not sealed so; -ENOMEM. On failure nothing is appended, and what was decrypted
 * is wiped.
 */
_must_check_ int crypto_open(
    const struct crypto_sealing *how, struct crypto_bytes sealed, struct secret *ret);
