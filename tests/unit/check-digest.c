/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 against the examples of FIPS 180-4. */

#include "digest.h"

#include <stdio.h>
#include <string.h>

#include "check-program.h"

START_TEST(test_known_digests)
{
	static const struct {
		const char *label, *text, *want;
	} rows[] = {
	    {"nothing", "",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"one block", "abc",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char hex[DIGEST_SHA256_HEX_SIZE];
		unsigned char raw[DIGEST_SHA256_SIZE];
		char byte[3];

		ck_assert_int_eq(
		    digest_sha256_hex(rows[i].text, strlen(rows[i].text), hex), 0);
		ck_assert_msg(
		    strcmp(hex, rows[i].want) == 0, "%s: %s", rows[i].label, hex);
		ck_assert_int_eq(
		    digest_sha256(rows[i].text, strlen(rows[i].text), raw), 0);
		(void)snprintf(byte, sizeof(byte), "%02x", raw[0]);
		ck_assert_msg(
		    strncmp(hex, byte, 2) == 0, "%s: raw differs", rows[i].label);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {test_known_digests};

	return check_program("digest", tests, ELEMENTSOF(tests));
}
