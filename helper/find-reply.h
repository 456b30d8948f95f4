/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a Destination service answered to "find" (SAP: "Find Destination Response
 * Structure"), judged. What is not known of it is passed over. Pure.
 */

#include "digest.h"
#include "grant.h"
#include "token-reply.h"

enum found {
	FOUND,		   /* a destination */
	FOUND_NONE,	   /* there is none of that name */
	FOUND_REFUSED,	   /* an administrator has to correct something */
	FOUND_UNAVAILABLE, /* everything else may be right in a minute */
};

/* Owned. */
struct find_reply {
	enum found kind;
	/* FOUND: the destination's keys with a value that is text, as one JSON object. */
	struct secret destination;
	char *name; /* ... its "Name", or NULL */
	/* ... and a digest over them, in whatever order they come. */
	unsigned char digest[DIGEST_SHA256_SIZE];
	struct secret reason; /* otherwise: a sentence, escaped, one line */
};

/* Takes a destination out of a reply of `len` bytes: 0, -ENOMEM or -EIO. */
_must_check_ int find_reply_parse(
    long http_status, const char *body, size_t len, struct find_reply *ret);
void find_reply_done(struct find_reply *r);
#define _cleanup_find_reply_ _cleanup_(find_reply_done)

/*
 * Takes the token out of a reply: 0 or -ENOMEM. Its "error" is never taken for a token.
 * It counts as RFC 6749's code that it names, if that is a refusal for good; for a
 * `grant` that hands in a refresh token which nobody but us has, anything the service has
 * against the request is "invalid_grant".
 */
_must_check_ int find_reply_parse_token(long http_status, const char *body, size_t len,
    enum grant grant, struct token_reply *ret);
