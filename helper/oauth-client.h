/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within oauth.c's job: who we are to the token service, and the form body. */

#include <stdbool.h>

#include "properties.h"
#include "token-request.h"

/* A request in the making. Strings borrowed from `p`. */
struct oauth_draft {
	const struct properties *p;
	struct token_request *request;
	char **why;
	const char *client_id;
	const char *client_secret; /* NULL if absent */
	const char *user;	   /* tokenServiceUser, NULL if absent */
	const char *password;
	bool in_body;	 /* tokenService.addClientCredentialsInBody */
	bool on_premise; /* the token service is behind a Cloud Connector */
};

/*
 * A property that goes on the wire: 1 and any text without control characters, 0 if the
 * key is absent or null, -EINVAL with *d->why, -ENOMEM.
 */
_must_check_ int oauth_find_text(
    struct oauth_draft *d, const char *key, const char **ret);

/* The same for a key that must be there and not be empty: 0 or -errno. */
_must_check_ int oauth_require_text(
    struct oauth_draft *d, const char *key, const char **ret);

/*
 * Writes the form body, and the Authorization header where the client authenticates with
 * one: 0, -EINVAL with *d->why, -ENOMEM.
 */
_must_check_ int oauth_add_body(struct oauth_draft *d);
