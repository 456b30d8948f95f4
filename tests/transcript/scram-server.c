/* SPDX-License-Identifier: Apache-2.0 */
/* Names follow RFC 5802 section 3. */

#include "scram-server.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base64.h"

#define KEY_LEN 32
#define SALT "salt of a dialogue"
#define OUR_NONCE "ours"
#define GS2_HEADER "n,,"

struct key {
	unsigned char bytes[KEY_LEN];
};

void scram_server_done(struct scram_server *s)
{
	secret_done(&s->first_bare);
	secret_done(&s->nonce);
	secret_done(&s->first);
	secret_done(&s->final_bare);
}

int scram_server_take_first(struct scram_server *s, const char *encoded, size_t len)
{
	_cleanup_secret_ struct secret message = {0};
	const char *bare, *nonce;
	int r;

	r = base64_decode(encoded, len, &message);
	if (r < 0)
		return r;
	bare = secret_str(&message) + strlen(GS2_HEADER);
	if (strncmp(secret_str(&message), GS2_HEADER "n=", 5) != 0)
		return -EBADMSG;
	nonce = strstr(bare, ",r=");
	if (!nonce || strlen(nonce) < 3 + 16)
		return -EBADMSG;
	secret_clear(&s->first_bare);
	secret_clear(&s->nonce);
	r = secret_puts(&s->first_bare, bare);
	return r < 0 ? r : secret_printf(&s->nonce, "%s" OUR_NONCE, nonce + 3);
}

int scram_server_first(struct scram_server *s, const char *iterations, struct secret *out)
{
	int r;

	secret_clear(&s->first);
	r = secret_printf(&s->first, "r=%s,s=", secret_str(&s->nonce));
	if (r == 0)
		r = base64_encode(SALT, strlen(SALT), &s->first);
	if (r == 0)
		r = secret_printf(&s->first, ",i=%s", iterations);
	return r < 0 ? r : base64_encode(s->first.data, s->first.len, out);
}

static bool hmac(const struct key *key, const void *text, size_t len, struct key *ret)
{
	return HMAC(EVP_sha256(), key->bytes, KEY_LEN, text, len, ret->bytes, NULL) !=
	       NULL;
}

/* ClientProof and ServerSignature for the messages so far. */
static int compute(const struct scram_server *s, const char *password,
    struct key *ret_proof, struct key *ret_signature)
{
	_cleanup_secret_ struct secret message = {0};
	struct key salted, client, stored, server;
	const char *iterations = strstr(secret_str(&s->first), ",i=");
	int r;

	if (!iterations)
		return -EINVAL;
	r = secret_printf(&message, "%s,%s,%s", secret_str(&s->first_bare),
	    secret_str(&s->first), secret_str(&s->final_bare));
	if (r < 0)
		return r;
	if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
		(const unsigned char *)SALT, (int)strlen(SALT), atoi(iterations + 3),
		EVP_sha256(), KEY_LEN, salted.bytes) != 1 ||
	    !hmac(&salted, "Client Key", 10, &client) ||
	    EVP_Digest(client.bytes, KEY_LEN, stored.bytes, NULL, EVP_sha256(), NULL) !=
		1 ||
	    !hmac(&stored, message.data, message.len, ret_proof) ||
	    !hmac(&salted, "Server Key", 10, &server) ||
	    !hmac(&server, message.data, message.len, ret_signature))
		return -ENOMEM;
	for (size_t i = 0; i < KEY_LEN; i++)
		ret_proof->bytes[i] ^= client.bytes[i];
	return 0;
}

int scram_server_take_final(
    struct scram_server *s, const char *password, const char *encoded, size_t len)
{
	_cleanup_secret_ struct secret message = {0}, wanted = {0};
	struct key proof, signature;
	const char *sent;
	int r;

	r = base64_decode(encoded, len, &message);
	if (r < 0)
		return r;
	sent = strstr(secret_str(&message), ",p=");
	if (!sent)
		return -EBADMSG;
	secret_clear(&s->final_bare);
	r = secret_append(&s->final_bare, message.data, (size_t)(sent - message.data));
	if (r == 0)
		r = compute(s, password, &proof, &signature);
	if (r == 0)
		r = secret_printf(&wanted, "c=biws,r=%s,p=", secret_str(&s->nonce));
	if (r == 0)
		r = base64_encode(proof.bytes, KEY_LEN, &wanted);
	if (r < 0)
		return r;
	return strcmp(secret_str(&wanted), message.data) == 0 ? 0 : -EBADMSG;
}

int scram_server_final(
    const struct scram_server *s, const char *password, struct secret *out)
{
	_cleanup_secret_ struct secret message = {0};
	struct key proof, signature;
	int r;

	r = compute(s, password, &proof, &signature);
	if (r == 0)
		r = secret_puts(&message, "v=");
	if (r == 0)
		r = base64_encode(signature.bytes, KEY_LEN, &message);
	return r < 0 ? r : base64_encode(message.data, message.len, out);
}
