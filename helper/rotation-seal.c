/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a record, and what its key is derived from; the cryptography is crypto.c's.
 * Each sealing has a fresh salt and so a fresh key; that the nonce is random too costs
 * nothing.
 */

#include "rotation-seal.h"

#include <errno.h>
#include <string.h>

#include "crypto.h"

/* Changed with the form of a record, so that no other form is taken for this one. */
static const char magic[8] = "MDROTAT1";
static const char purpose[] = "maildest rotation v1";
static const char name_purpose[] = "maildest rotation name v1";
static const char holder_purpose[] = "maildest rotation holder v1";

/* What precedes the ciphertext. */
struct header {
	char magic[8];
	unsigned char salt[32];
	unsigned char nonce[CRYPTO_NONCE_SIZE];
};
_Static_assert(sizeof(struct header) + CRYPTO_TAG_SIZE == ROTATION_OVERHEAD,
    "no padding, nothing else");

static int name_holder(
    const unsigned char holder[BINDING_HOLDER_SIZE], char ret[DIGEST_SHA256_HEX_SIZE])
{
	_cleanup_secret_ struct secret all = {0};
	int r;

	r = secret_append(&all, holder_purpose, sizeof(holder_purpose));
	if (r == 0)
		r = secret_append(&all, holder, BINDING_HOLDER_SIZE);
	return r < 0 ? r : digest_sha256_hex(all.data, all.len, ret);
}

int rotation_name(const unsigned char realm[DIGEST_SHA256_SIZE],
    const unsigned char credential[DIGEST_SHA256_SIZE], char ret[ROTATION_NAME_SIZE])
{
	char holder[DIGEST_SHA256_HEX_SIZE];
	_cleanup_secret_ struct secret all = {0};
	int r;

	r = name_holder(realm, holder);
	if (r == 0)
		r = secret_append(&all, name_purpose, sizeof(name_purpose));
	if (r == 0)
		r = secret_append(&all, realm, DIGEST_SHA256_SIZE);
	if (r == 0)
		r = secret_append(&all, credential, DIGEST_SHA256_SIZE);
	if (r == 0)
		r = digest_sha256_hex(all.data, all.len, ret);
	if (r == 0)
		memcpy(ret, holder, ROTATION_HOLDER_LENGTH);
	return r;
}

static int derive_key(const struct rotation_id *id, const struct header *h,
    unsigned char ret[CRYPTO_KEY_SIZE])
{
	const struct crypto_bytes credential = {id->credential, strlen(id->credential)};
	const struct crypto_bytes salt = {h->salt, sizeof(h->salt)};
	_cleanup_secret_ struct secret text = {0};
	struct crypto_bytes info;
	int r;

	r = secret_append(&text, purpose, sizeof(purpose));
	if (r == 0)
		r = secret_append(&text, id->realm, DIGEST_SHA256_SIZE);
	if (r < 0)
		return r;
	info = (struct crypto_bytes){text.data, text.len};
	return crypto_derive(credential, salt, info, ret, CRYPTO_KEY_SIZE);
}

/* All of the header is authenticated. */
static struct crypto_sealing sealing(
    const struct header *h, const unsigned char key[CRYPTO_KEY_SIZE])
{
	return (struct crypto_sealing){
	    .key = key, .nonce = h->nonce, .associated = {h, sizeof(*h)}};
}

static int make_header(struct header *ret)
{
	int r;

	memcpy(ret->magic, magic, sizeof(ret->magic));
	r = crypto_random(ret->salt, sizeof(ret->salt));
	return r < 0 ? r : crypto_random(ret->nonce, sizeof(ret->nonce));
}

int rotation_seal(const struct rotation_id *id, const char *token, struct secret *ret)
{
	const struct crypto_bytes text = {token, strlen(token)};
	_cleanup_secret_ struct secret sealed = {0};
	unsigned char key[CRYPTO_KEY_SIZE];
	struct crypto_sealing how;
	struct header h;
	int r;

	if (text.n > ROTATION_TOKEN_MAX)
		return -EFBIG;
	r = make_header(&h);
	if (r == 0)
		r = secret_append(&sealed, &h, sizeof(h));
	if (r < 0)
		return r;
	how = sealing(&h, key);
	r = derive_key(id, &h, key);
	if (r == 0)
		r = crypto_seal(&how, text, &sealed);
	explicit_bzero(key, sizeof(key));
	return r < 0 ? r : secret_append(ret, sealed.data, sealed.len);
}

int rotation_open(
    const struct rotation_id *id, const void *bytes, size_t n, struct secret *ret)
{
	_cleanup_secret_ struct secret token = {0};
	unsigned char key[CRYPTO_KEY_SIZE];
	struct crypto_sealing how;
	struct crypto_bytes sealed;
	struct header h;
	int r;

	if (n < ROTATION_OVERHEAD || n > ROTATION_SIZE_MAX)
		return -EBADMSG;
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	how = sealing(&h, key);
	sealed = (struct crypto_bytes){(const char *)bytes + sizeof(h), n - sizeof(h)};
	r = derive_key(id, &h, key);
	if (r == 0)
		r = crypto_open(&how, sealed, &token);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	if (memchr(secret_str(&token), '\0', token.len))
		return -EBADMSG; /* no token of ours */
	return secret_append(ret, secret_str(&token), token.len);
}
