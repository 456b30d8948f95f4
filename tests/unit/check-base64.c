/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, against RFC 4648's vectors and against everything that EVP_DecodeBlock() forgives. */

#include "base64.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct {
	const char *label, *plain;
	size_t n;
	const char *encoded;
} vectors[] = {
    {"empty", BYTES(""), ""},
    {"one byte", BYTES("f"), "Zg=="},
    {"two bytes", BYTES("fo"), "Zm8="},
    {"three bytes", BYTES("foo"), "Zm9v"},
    {"four bytes", BYTES("foob"), "Zm9vYg=="},
    {"five bytes", BYTES("fooba"), "Zm9vYmE="},
    {"six bytes", BYTES("foobar"), "Zm9vYmFy"},
    {"NUL bytes", BYTES("\0\0"), "AAA="},
    {"NUL between", BYTES("\0user\0pass"), "AHVzZXIAcGFzcw=="},
    {"SOH", BYTES("\001"), "AQ=="},
    {"all bits", BYTES("\377\377\377"), "////"},
    {"62nd letter", BYTES("\373\357\276"), "++++"},
};

START_TEST(test_encodes_and_decodes_the_vectors)
{
	for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
		_cleanup_secret_ struct secret encoded = {0}, plain = {0};

		ck_assert_msg(
		    base64_encode(vectors[i].plain, vectors[i].n, &encoded) == 0 &&
			strcmp(secret_str(&encoded), vectors[i].encoded) == 0 &&
			encoded.len == strlen(vectors[i].encoded),
		    "%s: encodes to '%s'", vectors[i].label, secret_str(&encoded));
		ck_assert_msg(base64_decode(encoded.data, encoded.len, &plain) == 0 &&
				  plain.len == vectors[i].n &&
				  memcmp(plain.data, vectors[i].plain, plain.len) == 0 &&
				  plain.data[plain.len] == '\0',
		    "%s: does not decode", vectors[i].label);
	}
}
END_TEST

START_TEST(test_refuses_what_is_not_canonical)
{
	static const struct {
		const char *label, *text;
		size_t n;
	} rows[] = {
	    {"one character", BYTES("Y")},
	    {"no padding", BYTES("YQ")},
	    {"half the padding", BYTES("YQ=")},
	    {"three pads", BYTES("Y===")},
	    {"only pads", BYTES("====")},
	    {"two pads alone", BYTES("==")},
	    {"pad in the middle", BYTES("YW=j")},
	    {"pad at the start", BYTES("=YQ=")},
	    {"pads inside", BYTES("YQ==YQ==")},
	    {"a fifth pad", BYTES("YQ=====")},
	    {"a group of pads behind", BYTES("YWJj====")},
	    {"character behind a pad", BYTES("YQ=a")},
	    {"unused bits, two pads", BYTES("YR==")},
	    {"unused bits, one pad", BYTES("YWJ=")},
	    {"space before", BYTES(" YQ=")},
	    {"space inside", BYTES("Y Q=")},
	    {"four spaces", BYTES("    ")},
	    {"spaces around a group", BYTES("  YWJj  ")},
	    {"line break behind", BYTES("YQ==\n")},
	    {"line break inside", BYTES("YWJj\r\n\r\nYWJj")},
	    {"line break as the fourth", BYTES("YWJ\n")},
	    {"tab", BYTES("YWJ\t")},
	    {"NUL as the fourth", BYTES("YWJ\0")},
	    {"NUL first", BYTES("\0WJj")},
	    {"base64url minus", BYTES("-WJj")},
	    {"base64url underscore", BYTES("_WJj")},
	    {"UTF-8", BYTES("\303\244\303\244")},
	    {"soft EOF of the old PEM code", BYTES("YWJj-YWJ")},
	    {"quoted", BYTES("\"YQ=")},
	    {"SASL's empty response", BYTES("=")},
	    {"SASL's abort", BYTES("*")},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};

		ck_assert_int_eq(secret_puts(&out, "before"), 0);
		ck_assert_msg(base64_decode(rows[i].text, rows[i].n, &out) == -EBADMSG,
		    "%s: is accepted", rows[i].label);
		ck_assert_msg(out.len == 6 && strcmp(out.data, "before") == 0,
		    "%s: changes the output", rows[i].label);
	}
}
END_TEST

/* Of all pairs of bytes before "==", exactly one stands for each byte. */
START_TEST(test_one_byte_has_one_spelling)
{
	_cleanup_secret_ struct secret out = {0};
	unsigned seen[256] = {0}, accepted = 0;

	for (unsigned pair = 0; pair < 0x10000; pair++) {
		char text[] = {(char)(pair >> 8), (char)pair, '=', '='};

		secret_clear(&out);
		if (base64_decode(text, sizeof(text), &out) < 0)
			continue;
		ck_assert_uint_eq(out.len, 1);
		seen[(unsigned char)out.data[0]]++;
		accepted++;
	}
	ck_assert_uint_eq(accepted, 256);
	for (unsigned i = 0; i < 256; i++)
		ck_assert_msg(seen[i] == 1, "byte %u has %u spellings", i, seen[i]);
}
END_TEST

START_TEST(test_alphabet_has_64_letters_in_each_place)
{
	for (unsigned place = 0; place < 4; place++) {
		unsigned accepted = 0;

		for (unsigned c = 0; c < 256; c++) {
			_cleanup_secret_ struct secret out = {0};
			char text[] = {'Q', 'U', 'J', 'D'};

			text[place] = (char)c;
			if (c == '=' && place == 3)
				continue; /* then it is padding */
			accepted += base64_decode(text, sizeof(text), &out) == 0;
		}
		ck_assert_uint_eq(accepted, 64);
	}
}
END_TEST

START_TEST(test_round_trip_of_every_length)
{
	unsigned char bytes[200];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		_cleanup_secret_ struct secret text = {0}, again = {0};

		ck_assert_int_eq(base64_encode(bytes, n, &text), 0);
		ck_assert_uint_eq(text.len, (n + 2) / 3 * 4);
		ck_assert_int_eq(base64_decode(text.data, text.len, &again), 0);
		ck_assert_uint_eq(again.len, n);
		ck_assert_int_eq(memcmp(again.data, bytes, n), 0);
	}
}
END_TEST

START_TEST(test_appends_to_what_is_there)
{
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(secret_puts(&out, "AUTH PLAIN "), 0);
	ck_assert_int_eq(base64_encode("a", 1, &out), 0);
	ck_assert_str_eq(out.data, "AUTH PLAIN YQ==");
	ck_assert_int_eq(base64_decode("YmM=", 4, &out), 0);
	ck_assert_str_eq(out.data, "AUTH PLAIN YQ==bc");
}
END_TEST

START_TEST(test_refuses_lengths_that_openssl_cannot_count)
{
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(base64_encode("", (size_t)1 << 31, &out), -ENOMEM);
	ck_assert_int_eq(base64_decode("", (size_t)1 << 31, &out), -EBADMSG);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_encodes_and_decodes_the_vectors,
	    test_refuses_what_is_not_canonical,
	    test_one_byte_has_one_spelling,
	    test_alphabet_has_64_letters_in_each_place,
	    test_round_trip_of_every_length,
	    test_appends_to_what_is_there,
	    test_refuses_lengths_that_openssl_cannot_count,
	};

	return check_program("base64", tests, ELEMENTSOF(tests));
}
