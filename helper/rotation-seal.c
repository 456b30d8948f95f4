/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper's only cryptography of its own: OpenSSL's HKDF and AES-GCM put together. Each
 * sealing has a fresh salt and so a fresh key; that the nonce is random too costs nothing.
 */

#include "rotation-seal.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#define KEY_SIZE 32
#define TAG_SIZE 16

/* Changed with the form of a record, so that no other form is taken for this one. */
static const char magic[8] = "MDROTAT1";
static const char purpose[] = "maildest rotation v1";
static const char name_purpose[] = "maildest rotation name v1";

/* What precedes the ciphertext. */
struct header {
	char magic[8];
	unsigned char salt[32];
	unsigned char nonce[12];
};
_Static_assert(
    sizeof(struct header) + TAG_SIZE == ROTATION_OVERHEAD, "no padding, nothing else");

int rotation_name(const unsigned char realm[DIGEST_SHA256_SIZE],
    const unsigned char credential[DIGEST_SHA256_SIZE], char ret[ROTATION_NAME_SIZE])
{
	_cleanup_secret_ struct secret all = {0};
	int r;

	r = secret_append(&all, name_purpose, sizeof(name_purpose));
	if (r == 0)
		r = secret_append(&all, realm, DIGEST_SHA256_SIZE);
	if (r == 0)
		r = secret_append(&all, credential, DIGEST_SHA256_SIZE);
	return r < 0 ? r : digest_sha256_hex(all.data, all.len, ret);
}

static int derive(const struct rotation_id *id, const struct header *h, const void *info,
    size_t info_len, unsigned char ret[KEY_SIZE])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)OSSL_DIGEST_NAME_SHA2_256, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)id->credential, strlen(id->credential)),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_SALT, (void *)h->salt, sizeof(h->salt)),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, (void *)info, info_len),
	    OSSL_PARAM_construct_end(),
	};
	int r = -EIO;

	if (context && EVP_KDF_derive(context, ret, KEY_SIZE, parameters) == 1)
		r = 0;
	EVP_KDF_CTX_free(context); /* wipes what it was given */
	EVP_KDF_free(kdf);
	return r;
}

static int derive_key(
    const struct rotation_id *id, const struct header *h, unsigned char ret[KEY_SIZE])
{
	_cleanup_secret_ struct secret info = {0};
	int r;

	r = secret_append(&info, purpose, sizeof(purpose));
	if (r == 0)
		r = secret_append(&info, id->realm, DIGEST_SHA256_SIZE);
	return r < 0 ? r : derive(id, h, info.data, info.len, ret);
}

/* Begins either direction, with all that is authenticated beside the token. */
static bool begin(EVP_CIPHER_CTX *c, const struct header *h,
    const unsigned char key[KEY_SIZE], bool sealing)
{
	int n;

	return EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, h->nonce, sealing) ==
		   1 &&
	       EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)h, sizeof(*h)) == 1;
}

static bool encrypt(EVP_CIPHER_CTX *c, const struct header *h,
    const unsigned char key[KEY_SIZE], const char *token, size_t len, unsigned char *ret,
    unsigned char tag[TAG_SIZE])
{
	int n = 0, rest = 0;

	return begin(c, h, key, true) &&
	       EVP_CipherUpdate(c, ret, &n, (const unsigned char *)token, (int)len) ==
		   1 &&
	       EVP_CipherFinal_ex(c, ret + n, &rest) == 1 &&
	       (size_t)n + (size_t)rest == len &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *c, const struct header *h,
    const unsigned char key[KEY_SIZE], const unsigned char *sealed, size_t len,
    unsigned char *ret)
{
	unsigned char tag[TAG_SIZE];
	int n = 0, rest = 0;

	memcpy(tag, sealed + len, sizeof(tag));
	return begin(c, h, key, false) &&
	       EVP_CipherUpdate(c, ret, &n, sealed, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
	       EVP_CipherFinal_ex(c, ret + n, &rest) == 1;
}

/* Room for `n` bytes behind what is there; they count once they are written. */
static unsigned char *room_for(struct secret *s, size_t n)
{
	if (secret_reserve(s, n) < 0)
		return NULL;
	return (unsigned char *)s->data + s->len;
}

static void take_room(struct secret *s, size_t n)
{
	s->len += n;
	s->data[s->len] = '\0';
}

static int make_header(struct header *ret)
{
	memcpy(ret->magic, magic, sizeof(ret->magic));
	if (RAND_bytes(ret->salt, sizeof(ret->salt)) != 1 ||
	    RAND_bytes(ret->nonce, sizeof(ret->nonce)) != 1)
		return -EIO;
	return 0;
}

int rotation_seal(const struct rotation_id *id, const char *token, struct secret *ret)
{
	_cleanup_secret_ struct secret sealed = {0};
	unsigned char key[KEY_SIZE], tag[TAG_SIZE], *room;
	size_t n = strlen(token);
	EVP_CIPHER_CTX *c;
	struct header h;
	int r;

	if (n > ROTATION_TOKEN_MAX)
		return -EFBIG;
	r = make_header(&h);
	if (r == 0)
		r = secret_append(&sealed, &h, sizeof(h));
	if (r == 0)
		r = derive_key(id, &h, key);
	if (r < 0)
		return r;
	c = EVP_CIPHER_CTX_new();
	room = room_for(&sealed, n);
	r = c && room ? 0 : -ENOMEM;
	if (r == 0 && !encrypt(c, &h, key, token, n, room, tag))
		r = -EIO;
	EVP_CIPHER_CTX_free(c);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	take_room(&sealed, n);
	r = secret_append(&sealed, tag, sizeof(tag));
	return r < 0 ? r : secret_append(ret, sealed.data, sealed.len);
}

int rotation_open(
    const struct rotation_id *id, const void *bytes, size_t n, struct secret *ret)
{
	const unsigned char *sealed =
	    (const unsigned char *)bytes + sizeof(struct header);
	_cleanup_secret_ struct secret token = {0};
	unsigned char key[KEY_SIZE], *room;
	EVP_CIPHER_CTX *c;
	struct header h;
	int r;

	if (n < ROTATION_OVERHEAD || n > ROTATION_SIZE_MAX)
		return -EBADMSG;
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	n -= ROTATION_OVERHEAD;
	r = derive_key(id, &h, key);
	if (r < 0)
		return r;
	c = EVP_CIPHER_CTX_new();
	room = room_for(&token, n);
	r = c && room ? 0 : -ENOMEM;
	if (r == 0 && !decrypt(c, &h, key, sealed, n, room))
		r = -EBADMSG;
	EVP_CIPHER_CTX_free(c);
	explicit_bzero(key, sizeof(key));
	if (room)
		take_room(&token, n); /* whatever is there is wiped */
	if (r < 0)
		return r;
	if (memchr(secret_str(&token), '\0', n))
		return -EBADMSG; /* no token of ours */
	return secret_append(ret, secret_str(&token), n);
}
