/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 over OpenSSL's EVP: one call, no contexts to keep. A leaf; callers build what
 * they want hashed in a secret buffer, length-prefixed where several parts are joined.
 */

#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>

int digest_sha256(const void *bytes, size_t n, unsigned char ret[DIGEST_SHA256_SIZE])
{
	unsigned len = 0;

	if (EVP_Digest(bytes, n, ret, &len, EVP_sha256(), NULL) != 1)
		return -EIO;
	return len == DIGEST_SHA256_SIZE ? 0 : -EIO;
}

int digest_sha256_hex(const void *bytes, size_t n, char ret[DIGEST_SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[DIGEST_SHA256_SIZE];
	int r;

	r = digest_sha256(bytes, n, raw);
	if (r < 0)
		return r;

	for (size_t i = 0; i < sizeof(raw); i++) {
		ret[2 * i] = digits[raw[i] >> 4];
		ret[2 * i + 1] = digits[raw[i] & 15];
	}
	ret[2 * sizeof(raw)] = '\0';
	return 0;
}
