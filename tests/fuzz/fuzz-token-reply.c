/* SPDX-License-Identifier: Apache-2.0 */
/* What a token service answers: a line with the status, then the body. */

#include <string.h>

#include "find-reply.h"
#include "fuzz.h"
#include "token-reply.h"

static void look_at(const struct token_reply *r)
{
	if (r->kind == TOKEN_REPLY_TOKEN)
		fuzz_check(
		    token_is_valid(secret_str(&r->token)) && r->lifetime_usec > 0 &&
			r->lifetime_usec <= TOKEN_LIFETIME_MAX_SEC * UINT64_C(1000000),
		    "a token is none");
	else
		fuzz_check(r->reason.len > 0, "a failure gives no reason");
	if (r->refresh_token.len > 0)
		fuzz_check(fuzz_is_line(secret_str(&r->refresh_token)),
		    "a refresh token is none");
	fuzz_check(fuzz_is_line(secret_str(&r->reason)), "a reason is no line");
	fuzz_check(fuzz_is_line(secret_str(&r->error)), "an error is no line");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	_cleanup_free_ char *status = fuzz_text(fuzz_take_line(&in));
	long http_status = strtol(status, NULL, 10);
	const char *body = in.n > 0 ? in.bytes : "";
	_cleanup_token_reply_ struct token_reply reply = {0};

	fuzz_check(token_reply_parse(http_status, body, in.n, &reply) == 0, "no memory");
	look_at(&reply);
	for (int g = 0; g < GRANT_MAX; g++) {
		_cleanup_token_reply_ struct token_reply found = {0};

		fuzz_check(find_reply_parse_token(
			       http_status, body, in.n, (enum grant)g, &found) == 0,
		    "no memory");
		look_at(&found);
	}
	return 0;
}
