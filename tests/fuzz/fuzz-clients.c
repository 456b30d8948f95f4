/* SPDX-License-Identifier: Apache-2.0 */
/* Who may log in to a service: a line each for user and password, then the file. */

#include <string.h>

#include "clients.h"
#include "config-double.h"

/* Slowly and plainly. */
static bool has_line(struct fuzz_input file, const char *user, const char *password)
{
	_cleanup_secret_ struct secret want = {0};
	bool found = false;

	fuzz_check(secret_concat(&want, user, ":", password, NULL) == 0, "no memory");
	while (file.n > 0) {
		struct fuzz_input line = fuzz_take_line(&file);

		if (line.n > 0 && line.bytes[line.n - 1] == '\r')
			line.n--;
		found |= line.n == want.len && memcmp(line.bytes, want.data, line.n) == 0;
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	_cleanup_free_ char *user = fuzz_text(fuzz_take_line(&in));
	_cleanup_free_ char *password = fuzz_text(fuzz_take_line(&in));
	_cleanup_free_ char *why = NULL;
	bool accepted = false;
	int r;

	config_double_clear();
	config_double_put("clients/x", in);
	r = clients_check(NULL, "x", user, password, &accepted, &why);
	fuzz_check_why(r, why);
	if (accepted)
		fuzz_check(
		    r == 0 && has_line(in, user, password), "a stranger is let in");
	return 0;
}
