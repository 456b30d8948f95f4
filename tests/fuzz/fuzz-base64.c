/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: bytes and their one encoding. */

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "fuzz.h"

static bool is_same(const struct secret *a, struct fuzz_input b)
{
	return a->len == b.n && (b.n == 0 || memcmp(a->data, b.bytes, b.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_secret_ struct secret decoded = {0}, encoded = {0}, again = {0};
	struct fuzz_input in = fuzz_input(bytes, n);
	int r;

	r = base64_decode(in.bytes, in.n, &decoded);
	fuzz_check(r == 0 || r == -EBADMSG, "decoding fails otherwise than it may");
	if (r == 0) {
		fuzz_check(base64_encode(secret_str(&decoded), decoded.len, &again) == 0,
		    "no memory");
		fuzz_check(is_same(&again, in), "bytes have two encodings");
	} else {
		fuzz_check(decoded.len == 0, "a failure leaves bytes behind");
	}
	secret_clear(&decoded);
	fuzz_check(base64_encode(in.bytes, in.n, &encoded) == 0, "no memory");
	fuzz_check(base64_decode(secret_str(&encoded), encoded.len, &decoded) == 0,
	    "an encoding cannot be decoded");
	fuzz_check(is_same(&decoded, in), "an encoding means other bytes");
	return 0;
}
