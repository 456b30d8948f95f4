/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with any token request, whoever built it: tell it from others, keep
 * its secrets out of texts, wipe it. A leaf beside the common modules.
 */

#include "token-request.h"

#include <string.h>

#include "log.h"
#include "mask.h"
#include "url.h"

/* A shorter value is found in many a text by chance. */
#define HIDDEN_LENGTH_MIN 6

void token_request_done(struct token_request *r)
{
	free(r->client_id);
	secret_done(&r->credential);
	secret_done(&r->url);
	free(r->host);
	secret_done(&r->headers);
	secret_done(&r->body);
	secret_done(&r->hidden);
	tls_trust_done(&r->trust);
	free(r->location_id);
	free(r->key_store);
	secret_free_string(r->key_store_password);
	secret_done(&r->key_pair);
	free(r->key_pair_path);
	free(r->assertion_provider);
	free(r->subscriber);
	free(r->instance);
	secret_done(&r->revision);
	free(r->service_url);
	*r = (struct token_request){0};
}

/* Length first, so that no two lists of parts give the same bytes. */
static int add_part(struct secret *all, const void *bytes, size_t n)
{
	uint64_t size = n;
	int r;

	r = secret_append(all, &size, sizeof(size));
	return r < 0 || n == 0 ? r : secret_append(all, bytes, n);
}

static int add_text_part(struct secret *all, const char *text)
{
	return add_part(all, text ? text : "", text ? strlen(text) : 0);
}

int token_request_digest(
    const struct token_request *t, unsigned char ret[DIGEST_SHA256_SIZE])
{
	_cleanup_secret_ struct secret all = {0};
	const unsigned char flags[] = {t->trust.insecure_trust_all,
	    (unsigned char)t->trust.verification, (unsigned char)t->route};
	const struct secret *const parts[] = {
	    &t->url, &t->headers, &t->body, &t->key_pair, &t->revision};
	const char *const texts[] = {t->trust.trust_store, t->trust.trust_store_password,
	    t->location_id, t->key_store, t->key_store_password, t->assertion_provider,
	    t->instance, t->service_url};
	int r;

	r = add_part(&all, flags, sizeof(flags));
	for (size_t i = 0; i < ELEMENTSOF(parts) && r == 0; i++)
		r = add_part(&all, parts[i]->data, parts[i]->len);
	for (size_t i = 0; i < ELEMENTSOF(texts) && r == 0; i++)
		r = add_text_part(&all, texts[i]);
	return r < 0 ? r : digest_sha256(all.data, all.len, ret);
}

static int hide(struct token_request *t, const char *value)
{
	return secret_append(&t->hidden, value, strlen(value) + 1);
}

/* Also as it is written once it has been escaped, as what services say is. */
int token_request_hide(struct token_request *t, const char *value)
{
	_cleanup_secret_ struct secret escaped = {0};
	int r;

	if (!value || strlen(value) < HIDDEN_LENGTH_MIN)
		return 0;
	r = log_quote(&escaped, value, strlen(value));
	if (r == 0)
		r = hide(t, value);
	return r < 0 || strcmp(escaped.data, value) == 0 ? r : hide(t, escaped.data);
}

/* Hidden as it is and as it is written in the body: the service may quote either. */
int token_request_add_secret(struct token_request *t, const char *name, const char *value)
{
	size_t before = t->body.len;
	int r;

	r = url_add_pair(&t->body, before > 0 ? '&' : '\0', name, value);
	if (r == 0)
		r = token_request_hide(t, value);
	return r < 0 ? r : token_request_hide(t, strchr(t->body.data + before, '=') + 1);
}

/* The header that a Destination service reads it from. */
static int add_header(struct token_request *t, const char *credential)
{
	_cleanup_secret_ struct secret header = {0};
	int r;

	r = secret_concat(&header,
	    t->grant == GRANT_AUTHORIZATION_CODE ? "X-code: " : "X-refresh-token: ",
	    credential, NULL);
	if (r == 0)
		r = secret_append(&t->headers, header.data, header.len + 1);
	return r < 0 ? r : token_request_hide(t, credential);
}

int token_request_add_credential(struct token_request *t, const char *credential)
{
	int r;

	r = secret_puts(&t->credential, credential);
	if (r < 0)
		return r;
	return t->instance
		   ? add_header(t, credential)
		   : token_request_add_secret(t, grant_field(t->grant), credential);
}

int token_request_endpoint(
    const struct token_request *t, unsigned char ret[DIGEST_SHA256_SIZE])
{
	const char *url = t->service_url ? t->service_url : secret_str(&t->url);
	_cleanup_secret_ struct secret all = {0};
	int r;

	r = add_part(&all, url, strcspn(url, "?"));
	if (r == 0)
		r = add_text_part(&all, t->client_id);
	if (r == 0 && t->route != TOKEN_ROUTE_DIRECT)
		r = add_text_part(&all, t->location_id);
	return r < 0 ? r : digest_sha256(all.data, all.len, ret);
}

void token_request_mask(const struct token_request *t, struct secret *text)
{
	const char *value = secret_str(&t->hidden), *end = value + t->hidden.len;

	for (; value < end; value += strlen(value) + 1)
		mask_secret(text, value, strlen(value));
}
