/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The grants of RFC 6749 that token requests are made with, and their fields. Pure. */

#include <stdbool.h>

#include "destination.h"

/* What a request hands in for an access token. */
enum grant {
	GRANT_CLIENT_CREDENTIALS, /* nothing but who asks (4.4) */
	GRANT_REFRESH_TOKEN, /* the client's refresh token, or what has replaced it (6) */
	GRANT_AUTHORIZATION_CODE, /* the client's code (4.1.3) */
	GRANT_RENEWAL,		  /* the refresh token that came for such a code (6) */
	GRANT_MAX,
};

/* The grant that a destination of that authentication begins with; false if it has none. */
bool grant_of(enum authentication a, enum grant *ret);

/* The value of "grant_type". */
const char *grant_type(enum grant g);

/* The field that carries the credential, or NULL if there is none. */
const char *grant_field(enum grant g);

/* Whether a further field of the destination's belongs to another request than this one. */
bool grant_leaves_out(enum grant g, const char *field);
