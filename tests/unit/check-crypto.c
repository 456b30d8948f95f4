/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HKDF-SHA256 against the examples of RFC 5869, appendix A; AES-256-GCM against the test
 * cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew and Viega), which SP
 * 800-38D standardizes.
 */

#include "crypto.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "check-program.h"
#include "unhex.h"

#define BYTES_MAX 128

/* Hexadecimal, and the bytes it stands for. */
struct sample {
	unsigned char bytes[BYTES_MAX];
	size_t n;
};

static struct crypto_bytes sample(struct sample *s, const char *text)
{
	s->n = unhex(text, s->bytes, sizeof(s->bytes));
	return (struct crypto_bytes){s->bytes, s->n};
}

START_TEST(test_keys_are_those_of_rfc_5869)
{
	static const struct {
		const char *label, *secret, *salt, *info, *want;
	} rows[] = {
	    {"A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		"000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
		"34007208d5b887185865"},
	    {"A.2",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
		"404142434445464748494a4b4c4d4e4f",
		"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
		"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
		"d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
		"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
		"59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
		"cc30c58179ec3e87c14c01d5c1f3434f1d87"},
	    {"A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
		"9d201395faa4b61a96c8"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct sample secret, salt, info, want;
		unsigned char got[BYTES_MAX];

		(void)sample(&want, rows[i].want);
		ck_assert_int_eq(crypto_derive(sample(&secret, rows[i].secret),
				     sample(&salt, rows[i].salt),
				     sample(&info, rows[i].info), got, want.n),
		    0);
		ck_assert_msg(memcmp(got, want.bytes, want.n) == 0,
		    "%s: it is another key", rows[i].label);
	}
}
END_TEST

START_TEST(test_no_more_is_derived_than_there_is)
{
	static unsigned char got[CRYPTO_DERIVED_MAX + 1];
	const struct crypto_bytes secret = {"secret", 6}, none = {"", 0};

	ck_assert_int_eq(crypto_derive(secret, none, none, got, CRYPTO_DERIVED_MAX), 0);
	ck_assert_int_eq(
	    crypto_derive(secret, none, none, got, CRYPTO_DERIVED_MAX + 1), -EIO);
}
END_TEST

#define ZEROS_12 "000000000000000000000000"
#define ZEROS_16 "00000000000000000000000000000000"
#define KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define NONCE "cafebabefacedbaddecaf888"
#define TEXT_60                                                            \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define CIPHERTEXT_60                                                      \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

static const struct gcm_row {
	const char *label, *key, *nonce, *associated, *text, *sealed;
} gcm_rows[] = {
    {"13", ZEROS_16 ZEROS_16, ZEROS_12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"14", ZEROS_16 ZEROS_16, ZEROS_12, "", ZEROS_16,
	"cea7403d4d606b6e074ec5d3baf39d18"
	"d0d1c8a799996bf0265b98b5d48ab919"},
    {"15", KEY, NONCE, "", TEXT_60 "1aafd255",
	CIPHERTEXT_60 "898015ad"
		      "b094dac5d93471bdec1a502270e3cc6c"},
    {"16", KEY, NONCE, "feedfacedeadbeeffeedfacedeadbeefabaddad2", TEXT_60,
	CIPHERTEXT_60 "76fc6ece0f4e1768cddf8853bb2d551b"},
};

/* A row as bytes. */
struct gcm_sample {
	struct sample key, nonce, associated, text, sealed;
	struct crypto_sealing how;
};

static void read_row(const struct gcm_row *row, struct gcm_sample *ret)
{
	ck_assert_uint_eq(sample(&ret->key, row->key).n, CRYPTO_KEY_SIZE);
	ck_assert_uint_eq(sample(&ret->nonce, row->nonce).n, CRYPTO_NONCE_SIZE);
	(void)sample(&ret->text, row->text);
	(void)sample(&ret->sealed, row->sealed);
	ret->how = (struct crypto_sealing){.key = ret->key.bytes,
	    .nonce = ret->nonce.bytes,
	    .associated = sample(&ret->associated, row->associated)};
}

static struct crypto_bytes bytes_of(const struct sample *s)
{
	return (struct crypto_bytes){s->bytes, s->n};
}

static bool holds(const struct secret *got, const char *before, const struct sample *want)
{
	size_t n = strlen(before);

	return got->len == n + want->n && memcmp(got->data, before, n) == 0 &&
	       memcmp(got->data + n, want->bytes, want->n) == 0 &&
	       got->data[got->len] == '\0';
}

START_TEST(test_texts_are_sealed_and_open_as_published)
{
	for (size_t i = 0; i < ELEMENTSOF(gcm_rows); i++) {
		_cleanup_secret_ struct secret sealed = {0}, text = {0};
		struct gcm_sample s;

		read_row(&gcm_rows[i], &s);
		ck_assert_int_eq(secret_puts(&sealed, "before"), 0);
		ck_assert_int_eq(secret_puts(&text, "before"), 0);
		ck_assert_int_eq(crypto_seal(&s.how, bytes_of(&s.text), &sealed), 0);
		ck_assert_msg(holds(&sealed, "before", &s.sealed),
		    "%s: it is sealed otherwise", gcm_rows[i].label);
		ck_assert_int_eq(crypto_open(&s.how, bytes_of(&s.sealed), &text), 0);
		ck_assert_msg(holds(&text, "before", &s.text),
		    "%s: it opens as another text", gcm_rows[i].label);
	}
}
END_TEST

static void assert_shut(const struct gcm_sample *s, size_t n, const char *what)
{
	_cleanup_secret_ struct secret text = {0};
	struct crypto_bytes sealed = {s->sealed.bytes, n};

	ck_assert_int_eq(secret_puts(&text, "before"), 0);
	ck_assert_msg(crypto_open(&s->how, sealed, &text) == -EBADMSG,
	    "it opens with %s changed", what);
	ck_assert_str_eq(text.data, "before");
}

/* Each bit of some bytes is another one for once. */
static void assert_all_count(
    const struct gcm_sample *s, unsigned char *bytes, size_t n, const char *what)
{
	for (size_t i = 0; i < 8 * n; i++) {
		bytes[i / 8] ^= (unsigned char)(1u << i % 8);
		assert_shut(s, s->sealed.n, what);
		bytes[i / 8] ^= (unsigned char)(1u << i % 8);
	}
}

START_TEST(test_nothing_else_opens)
{
	struct gcm_sample s;

	read_row(&gcm_rows[3], &s);
	assert_all_count(&s, s.key.bytes, s.key.n, "the key");
	assert_all_count(&s, s.nonce.bytes, s.nonce.n, "the nonce");
	assert_all_count(&s, s.associated.bytes, s.associated.n, "what is associated");
	assert_all_count(&s, s.sealed.bytes, s.sealed.n, "the ciphertext or the tag");
	for (size_t n = 0; n < s.sealed.n; n++)
		assert_shut(&s, n, "its length");
}
END_TEST

START_TEST(test_text_that_does_not_open_is_wiped)
{
	static unsigned char key[CRYPTO_KEY_SIZE], nonce[CRYPTO_NONCE_SIZE];
	const struct crypto_sealing how = {
	    .key = key, .nonce = nonce, .associated = {"", 0}};
	_cleanup_secret_ struct secret sealed = {0}, text = {0};

	ck_assert_int_eq(
	    crypto_seal(&how, (struct crypto_bytes){"canary-4711", 11}, &sealed), 0);
	sealed.data[sealed.len - 1] ^= 1;
	ck_assert_int_eq(
	    crypto_open(&how, (struct crypto_bytes){sealed.data, sealed.len}, &text),
	    -EBADMSG);
	ck_assert_msg(text.data && text.cap > 11 && text.len == 0 &&
			  !memmem(text.data, text.cap, "canary", 6),
	    "a text that nobody vouches for stays in memory");
}
END_TEST

START_TEST(test_random_bytes_differ)
{
	unsigned char a[32], b[32];

	ck_assert_int_eq(crypto_random(a, sizeof(a)), 0);
	ck_assert_int_eq(crypto_random(b, sizeof(b)), 0);
	ck_assert_msg(memcmp(a, b, sizeof(a)) != 0, "they can be foretold");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_keys_are_those_of_rfc_5869,
	    test_no_more_is_derived_than_there_is,
	    test_texts_are_sealed_and_open_as_published,
	    test_nothing_else_opens,
	    test_text_that_does_not_open_is_wiped,
	    test_random_bytes_differ,
	};

	return check_program("crypto", tests, ELEMENTSOF(tests));
}
