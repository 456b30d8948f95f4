/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM-SHA-256 over OpenSSL's PBKDF2, HMAC and SHA-256; names follow RFC 5802 section 3. */

#include "scram.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#include "base64.h"
#include "saslname.h"
#include "text.h"

#define KEY_LEN 32
#define NONCE_BYTES 24
#define GS2_HEADER "n,,"
#define GS2_HEADER_BASE64 "biws"

struct key {
	unsigned char bytes[KEY_LEN];
};

static void key_done(struct key *k)
{
	explicit_bzero(k, sizeof(*k));
}
#define _cleanup_key_ _cleanup_(key_done)

void scram_done(struct scram *s)
{
	secret_done(&s->nonce);
	secret_done(&s->first_bare);
	secret_done(&s->server_proof);
}

int scram_new_nonce(struct secret *ret)
{
	unsigned char random[NONCE_BYTES];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return -EIO;
	return base64_encode(random, sizeof(random), ret);
}

int scram_first(struct scram *s, const char *user, struct secret *out)
{
	int r;

	if (!text_is_printable(user, strlen(user)))
		return -EINVAL;
	r = secret_puts(&s->first_bare, "n=");
	if (r == 0)
		r = saslname_append(&s->first_bare, user);
	if (r == 0)
		r = secret_printf(&s->first_bare, ",r=%s", secret_str(&s->nonce));
	if (r == 0)
		r = secret_printf(out, GS2_HEADER "%s", secret_str(&s->first_bare));
	return r;
}

/* server-first-message: r=<nonce>,s=<salt>,i=<iterations>[,extensions] */
struct challenge {
	const char *nonce;
	size_t nonce_len;
	struct secret salt;
	int iterations;
};

static void challenge_done(struct challenge *c)
{
	secret_done(&c->salt);
}

/* The value of the attribute that must come next, up to the comma. */
static const char *take_attribute(const char **text, char name, size_t *ret_len)
{
	const char *value = *text + 2;

	if ((*text)[0] != name || (*text)[1] != '=')
		return NULL;
	*ret_len = strcspn(value, ",");
	*text = value + *ret_len;
	if (**text == ',')
		(*text)++;
	return value;
}

static int parse_iterations(const char *text, size_t len)
{
	int value = 0;

	if (len == 0 || len > 6 || text[0] == '0')
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EBADMSG;
		value = value * 10 + (text[i] - '0');
	}
	if (value < SCRAM_ITERATIONS_MIN || value > SCRAM_ITERATIONS_MAX)
		return -EBADMSG;
	return value;
}

/* RFC 5802 7, "printable": what we are to send back in a line of attributes. */
static bool is_nonce(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return false;
	return true;
}

static int parse_challenge(const struct scram *s, const char *text, struct challenge *c)
{
	const char *salt, *iterations;
	size_t salt_len, iterations_len;
	int r;

	/* an "m=" in front would be a mandatory extension, which we must refuse (5.1) */
	c->nonce = take_attribute(&text, 'r', &c->nonce_len);
	if (!c->nonce || c->nonce_len <= s->nonce.len ||
	    memcmp(c->nonce, s->nonce.data, s->nonce.len) != 0 ||
	    !is_nonce(c->nonce, c->nonce_len))
		return -EBADMSG;
	salt = take_attribute(&text, 's', &salt_len);
	if (!salt || salt_len == 0)
		return -EBADMSG;
	r = base64_decode(salt, salt_len, &c->salt);
	if (r < 0)
		return r;
	iterations = take_attribute(&text, 'i', &iterations_len);
	if (!iterations)
		return -EBADMSG;
	r = parse_iterations(iterations, iterations_len);
	if (r < 0)
		return r;
	c->iterations = r;
	return 0;
}

static bool hmac(const struct key *key, const char *text, size_t len, struct key *ret)
{
	return HMAC(EVP_sha256(), key->bytes, KEY_LEN, (const unsigned char *)text, len,
		   ret->bytes, NULL) != NULL;
}

/* ClientProof and ServerSignature for one AuthMessage. */
static int compute(const char *password, const struct challenge *c,
    const struct secret *message, struct key *ret_proof, struct key *ret_signature)
{
	_cleanup_key_ struct key salted = {0}, client = {0}, stored = {0}, server = {0};

	if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
		(const unsigned char *)c->salt.data, (int)c->salt.len, c->iterations,
		EVP_sha256(), KEY_LEN, salted.bytes) != 1 ||
	    !hmac(&salted, "Client Key", strlen("Client Key"), &client) ||
	    EVP_Digest(client.bytes, KEY_LEN, stored.bytes, NULL, EVP_sha256(), NULL) !=
		1 ||
	    !hmac(&stored, message->data, message->len, ret_proof) ||
	    !hmac(&salted, "Server Key", strlen("Server Key"), &server) ||
	    !hmac(&server, message->data, message->len, ret_signature))
		return -ENOMEM;
	for (size_t i = 0; i < KEY_LEN; i++)
		ret_proof->bytes[i] ^= client.bytes[i];
	return 0;
}

int scram_final(
    struct scram *s, const char *server_first, const char *password, struct secret *out)
{
	_cleanup_(challenge_done) struct challenge c = {0};
	_cleanup_secret_ struct secret message = {0}, without_proof = {0};
	_cleanup_key_ struct key proof = {0}, signature = {0};
	int r;

	if (!text_is_printable(password, strlen(password)))
		return -EINVAL;
	r = parse_challenge(s, server_first, &c);
	if (r < 0)
		return r;
	r = secret_printf(
	    &without_proof, "c=" GS2_HEADER_BASE64 ",r=%.*s", (int)c.nonce_len, c.nonce);
	if (r == 0)
		r = secret_printf(&message, "%s,%s,%s", secret_str(&s->first_bare),
		    server_first, secret_str(&without_proof));
	if (r == 0)
		r = compute(password, &c, &message, &proof, &signature);
	if (r == 0)
		r = base64_encode(signature.bytes, KEY_LEN, &s->server_proof);
	if (r == 0)
		r = secret_printf(out, "%s,p=", secret_str(&without_proof));
	return r < 0 ? r : base64_encode(proof.bytes, KEY_LEN, out);
}

int scram_verify(const struct scram *s, const char *server_final)
{
	size_t n = s->server_proof.len;

	if (n == 0 || strncmp(server_final, "v=", 2) != 0 ||
	    strlen(server_final + 2) < n ||
	    (server_final[2 + n] != '\0' && server_final[2 + n] != ',') ||
	    CRYPTO_memcmp(server_final + 2, s->server_proof.data, n) != 0)
		return -EBADMSG;
	return 0;
}
