/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an access token says of itself (RFC 7519), to be looked at: nothing is verified. */

#include "json.h"
#include "json-writer.h"

/* The claims that tell an operator whose token it is and what for; NULL at the end. */
extern const char *const claims_shown[];

/* Parses a JWT's payload: 0; -EBADMSG if the token is no JWT; -ENOMEM. */
_must_check_ int claims_parse(const char *token, struct json **ret);

/*
 * A claim as one line of text: a string, a number, or an array's strings with blanks
 * between. malloc'd and escaped; NULL if there is none, or no memory.
 */
char *claims_text(const struct json *claims, const char *name);
