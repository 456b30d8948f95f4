/* SPDX-License-Identifier: Apache-2.0 */
/* A client's XOAUTH2 or OAUTHBEARER response. */

#include <errno.h>
#include <string.h>

#include "client-bearer.h"
#include "fuzz.h"

static void try_one(int (*parse)(const struct secret *response, struct client_bearer *ret,
			const char **ret_why),
    const struct secret *response, bool needs_user)
{
	_cleanup_client_bearer_ struct client_bearer b = {0};
	const char *why = NULL;
	int r;

	r = parse(response, &b, &why);
	fuzz_check_why(r, why);
	if (r < 0)
		return;
	fuzz_check(b.credential.len > 0 && fuzz_is_word(secret_str(&b.credential)) &&
		       strlen(secret_str(&b.credential)) == b.credential.len,
	    "a credential is no word");
	fuzz_check(!needs_user || b.user.len > 0, "there is no user");
	fuzz_check(strlen(secret_str(&b.user)) == b.user.len, "a user has a NUL");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_secret_ struct secret response = {0};

	fuzz_fill(&response, fuzz_input(bytes, n));
	try_one(client_bearer_parse_xoauth2, &response, true);
	try_one(client_bearer_parse_oauthbearer, &response, false);
	return 0;
}
