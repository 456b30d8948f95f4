/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed records: a line with the token, then bytes that are no record of its credential. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "rotation-seal.h"

static const unsigned char realm[DIGEST_SHA256_SIZE] = {1, 2, 3};
static const struct rotation_id id = {realm, "a-refresh-token"};

/* A record opens; with a bit of it changed, where the input says, it does not. */
static void try_record(const char *token, struct fuzz_input in)
{
	_cleanup_secret_ struct secret record = {0}, opened = {0};
	size_t at;
	int r;

	r = rotation_seal(&id, token, &record);
	fuzz_check(r == 0 || r == -EFBIG, "a token cannot be sealed");
	if (r < 0)
		return;
	fuzz_check(rotation_open(&id, record.data, record.len, &opened) == 0 &&
		       strcmp(secret_str(&opened), token) == 0,
	    "a record does not open");
	at = (in.n > 0 ? (size_t)(unsigned char)*in.bytes * 257 : 0) % (8 * record.len);
	record.data[at / 8] = (char)(record.data[at / 8] ^ 1 << at % 8);
	fuzz_check(rotation_open(&id, record.data, record.len, &opened) == -EBADMSG,
	    "a damaged record opens");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	_cleanup_free_ char *token = fuzz_text(fuzz_take_line(&in));
	_cleanup_secret_ struct secret opened = {0};

	fuzz_check(
	    rotation_open(&id, in.n > 0 ? in.bytes : "", in.n, &opened) == -EBADMSG &&
		opened.len == 0,
	    "what nobody sealed opens");
	try_record(token, in);
	return 0;
}
