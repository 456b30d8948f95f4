/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A destination, as one or more JSON objects that lie over one another, "--" in lines
 * between them: what the handler reads in it, and what is asked of its token service.
 */

#include <errno.h>
#include <string.h>

#include "destination.h"
#include "fuzz.h"
#include "oauth.h"

#define SEPARATOR "\n--\n"

static void look_at(const struct destination *d)
{
	fuzz_check(d->protocol < MAIL_PROTOCOL_MAX && d->proxy_type < PROXY_TYPE_MAX &&
		       d->authentication < AUTHENTICATION_MAX,
	    "there is no such choice");
	fuzz_check(d->host && *d->host && fuzz_is_word(d->host) && d->port > 0,
	    "there is no server");
	fuzz_check(!d->user || fuzz_is_line(d->user), "a user is no line");
	fuzz_check(!d->password || fuzz_is_line(d->password), "a password is no line");
	fuzz_check(!d->local_host || fuzz_is_word(d->local_host), "our name is no word");
	fuzz_check(d->authentication != AUTH_BASIC || !d->login || d->password,
	    "there is no password");
	fuzz_check(d->connect_timeout_usec > 0 && d->reply_timeout_usec > 0 &&
		       d->write_timeout_usec > 0,
	    "a time-out is none");
}

static void try_destination(const struct properties *p)
{
	_cleanup_destination_ struct destination d = {0};
	_cleanup_free_ char *why = NULL, *other = NULL;
	enum mail_protocol protocol;
	int r;

	r = mail_protocol_find(p, &protocol, &other);
	fuzz_check_why(r, other);
	r = destination_parse("x", p, &d, &why);
	fuzz_check_why(r, why);
	if (r == 0)
		look_at(&d);
}

/* No header, and no field of the body, ends where it should not; "Name;" is an empty one. */
static void look_at_request(const struct token_request *q)
{
	fuzz_check(fuzz_is_word(secret_str(&q->url)) && q->url.len > 0, "a URL is none");
	fuzz_check(fuzz_is_word(secret_str(&q->body)), "a body is no form");
	for (size_t i = 0; i < q->headers.len; i += strlen(q->headers.data + i) + 1)
		fuzz_check(fuzz_is_line(q->headers.data + i) &&
			       strpbrk(q->headers.data + i, ":;"),
		    "a header is no line");
	fuzz_check(q->host && *q->host, "a request goes nowhere");
}

static void try_request(const struct properties *p, enum grant grant, const char *tenant)
{
	_cleanup_token_request_ struct token_request q = {0};
	_cleanup_free_ char *why = NULL;
	unsigned char digest[DIGEST_SHA256_SIZE];
	int r;

	r = oauth_build_request(p, tenant, grant, &q, &why);
	fuzz_check_why(r, why);
	if (r < 0)
		return;
	fuzz_check(token_request_digest(&q, digest) == 0 &&
		       token_request_endpoint(&q, digest) == 0,
	    "a request has no digest");
	if (grant_field(grant))
		fuzz_check(token_request_add_credential(&q, "a-refresh-token") == 0,
		    "no memory");
	look_at_request(&q);
}

static int read_layers(struct properties *p, struct fuzz_input in)
{
	int r = 0;

	while (r == 0 && in.n > 0 && p->n < PROPERTIES_LAYERS_MAX) {
		struct fuzz_input layer = fuzz_take(&in, SEPARATOR);
		_cleanup_free_ char *why = NULL;

		r = properties_add(
		    p, layer.n > 0 ? layer.bytes : "", layer.n, "d/x.json", &why);
		fuzz_check_why(r, why);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_properties_ struct properties p = {0};

	if (read_layers(&p, fuzz_input(bytes, n)) < 0)
		return 0;
	try_destination(&p);
	for (int g = 0; g < GRANT_MAX; g++)
		try_request(&p, (enum grant)g, g % 2 ? "acme" : NULL);
	return 0;
}
