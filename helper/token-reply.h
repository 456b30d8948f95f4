/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a token service answered (RFC 6749 5.1, 5.2), judged. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "secret.h"

/* What SASL can carry upstream with room to spare. */
#define TOKEN_LENGTH_MAX ((size_t)16 * 1024)
/* A token without "expires_in" is good for this long, and none for longer than that. */
#define TOKEN_LIFETIME_DEFAULT_SEC 300
#define TOKEN_LIFETIME_MAX_SEC (24 * 60 * 60)

enum token_reply_kind {
	TOKEN_REPLY_TOKEN,
	TOKEN_REPLY_REFUSED, /* for good: one of the codes that trying again cannot cure */
	TOKEN_REPLY_TEMPORARY, /* everything else */
};

/* Strings owned. */
struct token_reply {
	enum token_reply_kind kind;
	struct secret token; /* TOKEN_REPLY_TOKEN: printable ASCII without spaces */
	uint64_t lifetime_usec;
	/*
	 * Of a reply that refuses nothing, be its access token of use or not; empty if
	 * none came.
	 */
	struct secret refresh_token;
	struct secret error;  /* the reply's "error", escaped; empty if it had none */
	struct secret reason; /* a refusal's or failure's sentence, escaped, one line */
};

/* Whether a text can be an access token: printable ASCII without spaces, not too long. */
bool token_is_valid(const char *text);

/* Judges a reply of `len` bytes: 0, or -ENOMEM. */
_must_check_ int token_reply_parse(
    long http_status, const char *body, size_t len, struct token_reply *ret);

/* Which members of an object say what of a token. */
struct token_reply_names {
	const char *token, *type;
};

/*
 * Takes the tokens and the lifetime out of an object that says of no error: 0, with
 * TOKEN_REPLY_TOKEN or a reason why not; -ENOMEM.
 */
_must_check_ int token_reply_take(struct json_value object,
    const struct token_reply_names *names, struct token_reply *reply);

/* The first of RFC 6749's codes that trying again cannot cure, within a text; NULL for none. */
const char *token_reply_find_code(const char *text);

void token_reply_done(struct token_reply *r);
#define _cleanup_token_reply_ _cleanup_(token_reply_done)
