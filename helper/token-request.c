/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with any token request, whoever built it: tell it from others, keep
 * its secrets out of texts, wipe it. A leaf beside the common modules.
 */

#include "token-request.h"

#include <string.h>

#include "mask.h"

void token_request_done(struct token_request *r)
{
	secret_done(&r->url);
	free(r->host);
	secret_done(&r->headers);
	secret_done(&r->body);
	secret_done(&r->hidden);
	tls_trust_done(&r->trust);
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
	const unsigned char flags[] = {
	    t->trust.insecure_trust_all, (unsigned char)t->trust.verification};
	int r;

	r = add_part(&all, t->url.data, t->url.len);
	if (r == 0)
		r = add_part(&all, t->headers.data, t->headers.len);
	if (r == 0)
		r = add_part(&all, t->body.data, t->body.len);
	if (r == 0)
		r = add_text_part(&all, t->trust.trust_store);
	if (r == 0)
		r = add_text_part(&all, t->trust.trust_store_password);
	if (r == 0)
		r = add_part(&all, flags, sizeof(flags));
	return r < 0 ? r : digest_sha256(all.data, all.len, ret);
}

void token_request_mask(const struct token_request *t, struct secret *text)
{
	const char *value = secret_str(&t->hidden), *end = value + t->hidden.len;

	for (; value < end; value += strlen(value) + 1)
		mask_secret(text, value, strlen(value));
}
