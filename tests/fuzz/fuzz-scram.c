/* SPDX-License-Identifier: Apache-2.0 */
/* A server's two messages of SCRAM-SHA-256, behind a line each for user and password; to a
 * final message "v=ours" belongs the signature that we expect. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "scram.h"

static void verify(const struct scram *s, const char *server_final)
{
	_cleanup_secret_ struct secret good = {0};

	fuzz_check(secret_concat(&good, "v=", secret_str(&s->server_proof), NULL) == 0,
	    "no memory");
	fuzz_check(scram_verify(s, secret_str(&good)) == 0, "a proof is not accepted");
	if (strcmp(server_final, "v=ours") == 0)
		return;
	if (scram_verify(s, server_final) == 0)
		fuzz_check(strncmp(server_final, secret_str(&good), good.len) == 0,
		    "a server has proved nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	_cleanup_free_ char *user = fuzz_text(fuzz_take_line(&in));
	_cleanup_free_ char *password = fuzz_text(fuzz_take_line(&in));
	_cleanup_free_ char *server_first = fuzz_text(fuzz_take_line(&in));
	_cleanup_free_ char *server_final = fuzz_text(fuzz_take_line(&in));
	_cleanup_scram_ struct scram s = {0};
	_cleanup_secret_ struct secret first = {0}, final = {0};
	int r;

	fuzz_check(secret_puts(&s.nonce, "fuzz") == 0, "no memory");
	r = scram_first(&s, user, &first);
	fuzz_check(r == 0 || r == -EINVAL, "it fails otherwise than it may");
	if (r < 0)
		return 0;
	fuzz_check(fuzz_is_line(secret_str(&first)), "our first message is no line");
	r = scram_final(&s, server_first, password, &final);
	fuzz_check(
	    r == 0 || r == -EINVAL || r == -EBADMSG, "it fails otherwise than it may");
	if (r < 0)
		return 0;
	fuzz_check(fuzz_is_line(secret_str(&final)), "our final message is no line");
	verify(&s, server_final);
	return 0;
}
