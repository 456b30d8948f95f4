/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A rotated refresh token as bytes that are worth nothing without the credential that it
 * has replaced: AES-256-GCM (NIST SP 800-38D) under a key of its own, by HKDF-SHA256 (RFC
 * 5869) from that credential, the realm it is presented in and 32 random bytes: bytes that
 * were moved to another tenant, token service or clientId do not open. Pure, but for the
 * random bytes.
 *
 *   magic[8] salt[32] nonce[12] ciphertext tag[16]
 */

#include <stddef.h>

#include "binding.h"
#include "digest.h"
#include "secret.h"

/* A token's reply is no longer than that (FETCH_REPLY_MAX). */
#define ROTATION_TOKEN_MAX ((size_t)64 * 1024)
#define ROTATION_OVERHEAD ((size_t)8 + 32 + 12 + 16)
#define ROTATION_SIZE_MAX (ROTATION_TOKEN_MAX + ROTATION_OVERHEAD)
/* Of a name and its NUL: 64 hexadecimal digits, of which the first tell records of one holder. */
#define ROTATION_NAME_SIZE DIGEST_SHA256_HEX_SIZE
#define ROTATION_HOLDER_LENGTH (2 * BINDING_HOLDER_SIZE)

/* What a record belongs to. Borrowed. */
struct rotation_id {
	const unsigned char *realm; /* binding_realm(): 32 bytes */
	const char *credential;	    /* as the client presents it */
};

/*
 * The name of a record, made of a realm and the SHA-256 of a credential, and telling
 * neither; its first ROTATION_HOLDER_LENGTH digits are of the realm's holder alone. 0,
 * -ENOMEM or -EIO.
 */
_must_check_ int rotation_name(const unsigned char realm[DIGEST_SHA256_SIZE],
    const unsigned char credential[DIGEST_SHA256_SIZE], char ret[ROTATION_NAME_SIZE]);

/*
 * Seals a token; an empty one says that the credential is a code that has been posted.
 * Appends to `ret`. 0; -EFBIG above ROTATION_TOKEN_MAX; -ENOMEM; -EIO if the library or
 * the random source fails.
 */
_must_check_ int rotation_seal(
    const struct rotation_id *id, const char *token, struct secret *ret);

/* The token, appended to `ret`: 0; -EBADMSG for anything that was not sealed for `id`; -ENOMEM. */
_must_check_ int rotation_open(
    const struct rotation_id *id, const void *bytes, size_t n, struct secret *ret);
