/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's HKDF and AES-GCM, each put together for one call. A leaf: what is sealed, with
 * which keys and in which form is the caller's.
 */

#include "crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

int crypto_random(void *ret, size_t n)
{
	return n <= CRYPTO_BYTES_MAX && RAND_bytes(ret, (int)n) == 1 ? 0 : -EIO;
}

static OSSL_PARAM octets(const char *name, struct crypto_bytes b)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)b.bytes, b.n);
}

int crypto_derive(struct crypto_bytes secret, struct crypto_bytes salt,
    struct crypto_bytes info, unsigned char *ret, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)OSSL_DIGEST_NAME_SHA2_256, 0),
	    octets(OSSL_KDF_PARAM_KEY, secret),
	    octets(OSSL_KDF_PARAM_SALT, salt),
	    octets(OSSL_KDF_PARAM_INFO, info),
	    OSSL_PARAM_construct_end(),
	};
	int r = -EIO;

	if (context && EVP_KDF_derive(context, ret, n, parameters) == 1)
		r = 0;
	EVP_KDF_CTX_free(context); /* wipes what it was given */
	EVP_KDF_free(kdf);
	return r;
}

/* Begins either direction, with all that is authenticated beside the text. */
static bool begin(EVP_CIPHER_CTX *c, const struct crypto_sealing *how, bool sealing)
{
	int n;

	return how->associated.n <= CRYPTO_BYTES_MAX &&
	       EVP_CipherInit_ex(
		   c, EVP_aes_256_gcm(), NULL, how->key, how->nonce, sealing) == 1 &&
	       EVP_CipherUpdate(
		   c, NULL, &n, how->associated.bytes, (int)how->associated.n) == 1;
}

/* The ciphertext, and the tag behind it. */
static bool encrypt(EVP_CIPHER_CTX *c, const struct crypto_sealing *how,
    struct crypto_bytes text, unsigned char *ret)
{
	int n = 0, rest = 0;

	return begin(c, how, true) &&
	       EVP_CipherUpdate(c, ret, &n, text.bytes, (int)text.n) == 1 &&
	       EVP_CipherFinal_ex(c, ret + n, &rest) == 1 &&
	       (size_t)n + (size_t)rest == text.n &&
	       EVP_CIPHER_CTX_ctrl(
		   c, EVP_CTRL_GCM_GET_TAG, CRYPTO_TAG_SIZE, ret + text.n) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *c, const struct crypto_sealing *how,
    const unsigned char *sealed, size_t len, unsigned char *ret)
{
	unsigned char tag[CRYPTO_TAG_SIZE];
	int n = 0, rest = 0;

	memcpy(tag, sealed + len, sizeof(tag));
	return begin(c, how, false) &&
	       EVP_CipherUpdate(c, ret, &n, sealed, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) == 1 &&
	       EVP_CipherFinal_ex(c, ret + n, &rest) == 1;
}

/* Room for `n` bytes behind what is there; they count once they are taken. */
static unsigned char *room_for(struct secret *s, size_t n)
{
	if (secret_reserve(s, n) < 0)
		return NULL;
	return (unsigned char *)s->data + s->len;
}

/* Takes the room if it was filled well, and else wipes it. */
static int take_room(struct secret *s, unsigned char *room, size_t n, int error)
{
	if (error < 0) {
		if (room)
			explicit_bzero(room, n);
		return error;
	}
	s->len += n;
	s->data[s->len] = '\0';
	return 0;
}

int crypto_seal(
    const struct crypto_sealing *how, struct crypto_bytes text, struct secret *ret)
{
	const size_t n = text.n + CRYPTO_TAG_SIZE;
	EVP_CIPHER_CTX *c;
	unsigned char *room;
	int r;

	if (text.n > CRYPTO_BYTES_MAX - CRYPTO_TAG_SIZE)
		return -EFBIG;
	c = EVP_CIPHER_CTX_new();
	room = room_for(ret, n);
	r = c && room ? 0 : -ENOMEM;
	if (r == 0 && !encrypt(c, how, text, room))
		r = -EIO;
	EVP_CIPHER_CTX_free(c);
	return take_room(ret, room, n, r);
}

int crypto_open(
    const struct crypto_sealing *how, struct crypto_bytes sealed, struct secret *ret)
{
	EVP_CIPHER_CTX *c;
	unsigned char *room;
	size_t n;
	int r;

	if (sealed.n < CRYPTO_TAG_SIZE || sealed.n > CRYPTO_BYTES_MAX)
		return -EBADMSG;
	n = sealed.n - CRYPTO_TAG_SIZE;
	c = EVP_CIPHER_CTX_new();
	room = room_for(ret, n);
	r = c && room ? 0 : -ENOMEM;
	if (r == 0 && !decrypt(c, how, sealed.bytes, n, room))
		r = -EBADMSG;
	EVP_CIPHER_CTX_free(c);
	return take_room(ret, room, n, r);
}
