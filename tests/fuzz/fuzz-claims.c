/* SPDX-License-Identifier: Apache-2.0 */
/* What an access token says of itself. */

#include <errno.h>
#include <string.h>

#include "claims.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_free_ char *token = fuzz_text(fuzz_input(bytes, n));
	_cleanup_json_ struct json *claims = NULL;
	int r;

	r = claims_parse(token, &claims);
	fuzz_check(
	    r == 0 || r == -EBADMSG || r == -ENOMEM, "it fails otherwise than it may");
	for (const char *const *name = claims_shown; r == 0 && *name; name++) {
		_cleanup_free_ char *text = claims_text(claims, *name);

		fuzz_check(!text || fuzz_is_line(text), "a claim is no line");
	}
	return 0;
}
