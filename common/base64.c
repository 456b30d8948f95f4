/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 over OpenSSL's block functions. EVP_DecodeBlock() forgives spaces, line breaks,
 * stray padding and reports the padded length, so the decoder checks shape first and
 * result last.
 */

#include "base64.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

int base64_encode(const void *bytes, size_t n, struct secret *out)
{
	size_t need = (n + 2) / 3 * 4;
	int r;

	if (n > INT_MAX / 2)
		return -ENOMEM;
	r = secret_reserve(out, need);
	if (r < 0)
		return r;
	EVP_EncodeBlock((unsigned char *)out->data + out->len, bytes, (int)n);
	out->len += need;
	return 0;
}

static bool is_alphabet(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static size_t count_padding(const char *text, size_t n)
{
	if (n == 0 || text[n - 1] != '=')
		return 0;
	return text[n - 2] == '=' ? 2 : 1;
}

/* Whether encoding the decoded bytes gives the text again: refuses unused bits that are set. */
static bool is_canonical(
    const char *text, size_t n, const struct secret *out, size_t from)
{
	_cleanup_secret_ struct secret again = {0};
	size_t tail = (out->len - from) % 3;

	if (tail == 0)
		return true;
	return base64_encode(out->data + out->len - tail, tail, &again) == 0 &&
	       memcmp(again.data, text + n - 4, 4) == 0;
}

int base64_decode(const char *text, size_t n, struct secret *out)
{
	size_t before = out->len, padding;
	int r;

	if (n % 4 != 0 || n > INT_MAX / 2)
		return -EBADMSG;
	padding = count_padding(text, n);
	for (size_t i = 0; i < n - padding; i++)
		if (!is_alphabet(text[i]))
			return -EBADMSG;
	r = secret_reserve(out, n / 4 * 3);
	if (r < 0)
		return r;
	if (n == 0)
		return 0;
	r = EVP_DecodeBlock(
	    (unsigned char *)out->data + before, (const unsigned char *)text, (int)n);
	if (r < 0)
		return -EBADMSG;
	out->len = before + (size_t)r - padding;
	out->data[out->len] = '\0';
	if (!is_canonical(text, n, out, before)) {
		explicit_bzero(out->data + before, out->len - before);
		out->len = before;
		return -EBADMSG;
	}
	return 0;
}
