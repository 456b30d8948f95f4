/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of a key and certificates, PEM or PKCS#12, behind a line with its password. Files
 * are an administrator's: what asks for much of PBKDF2 is left out, as it only takes long.
 */

#include <string.h>

#include "fuzz.h"
#include "tls-keys.h"

#define ITERATIONS_MAX 4096
#define ASN1_INTEGER 2

/* Whether some number of the DER would be many iterations, if it were their number. */
static bool takes_long(struct fuzz_input der)
{
	for (size_t i = 0; i + 2 < der.n; i++) {
		size_t len = (unsigned char)der.bytes[i + 1];
		uint64_t value = 0;

		if (der.bytes[i] != ASN1_INTEGER || len < 2 || len > sizeof(value) ||
		    len > der.n - i - 2)
			continue;
		for (size_t k = 0; k < len; k++)
			value = value << 8 | (unsigned char)der.bytes[i + 2 + k];
		if (value > ITERATIONS_MAX)
			return true;
	}
	return false;
}

static bool is_encrypted_pem(struct fuzz_input text)
{
	static const char mark[] = "ENCRYPTED PRIVATE";

	return text.n > 0 && memmem(text.bytes, text.n, mark, strlen(mark));
}

static void write_again(const struct tls_keys *k)
{
	_cleanup_secret_ struct secret certificates = {0}, key = {0};
	_cleanup_tls_keys_ struct tls_keys again = {0};
	_cleanup_free_ char *why = NULL;

	fuzz_check(
	    tls_keys_to_pem(k, &certificates, &key) == 0, "keys cannot be written");
	fuzz_check(secret_append(&certificates, key.data, key.len) == 0, "no memory");
	fuzz_check(tls_keys_parse(&certificates, NULL, "x", &again, &why) == 0,
	    "keys cannot be read again");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	_cleanup_free_ char *password = fuzz_text(fuzz_take_line(&in));
	_cleanup_tls_keys_ struct tls_keys k = {0};
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	if (is_encrypted_pem(in) || takes_long(in))
		return 0;
	fuzz_fill(&text, in);
	r = tls_keys_parse(&text, password, "x", &k, &why);
	fuzz_check_why(r, why);
	if (r == 0)
		write_again(&k);
	return 0;
}
