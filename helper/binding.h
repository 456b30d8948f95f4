/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a connection is bound to: which destination of whom its tokens are for. */

#include <stdbool.h>

#include "digest.h"

/* Strings owned; `tenant` and those below it are NULL if not given. */
struct binding {
	char *service;
	char *destination;
	char *tenant;
	char *fragment; /* one or more, ',' between them */
	char *
	    instance; /* of the Destination service; NULL: the destination lies in files */
	char *level;
	char *fragment_optional; /* BINDING_OPTIONAL, or NULL: it must be there */
	char *fragment_level;
	char *chain;
	char *chain_variables; /* "name=value" in lines that end, ordered by name */
};
#define BINDING_OPTIONAL "optional"

/* All variables of a chain together. */
#define BINDING_VARIABLES_LENGTH_MAX 2000

/* Copies every string: 0 or -ENOMEM. */
_must_check_ int binding_copy(const struct binding *b, struct binding *ret);
/* The name of the first string that is no name of its kind, or NULL if all are well-formed. */
const char *binding_find_bad_name(const struct binding *b);

/*
 * Beside callers' tokens there are those that we need to get them. They have bindings too,
 * with a `destination` that no caller's can have.
 */
enum binding_kind {
	BINDING_DESTINATION, /* `destination` is one's name */
	BINDING_CONNECTIVITY, /* BINDING_CONNECTIVITY_NAME: the tenant's JWT for the proxy */
	BINDING_ASSERTION, /* BINDING_ASSERTION_PREFIX and a name: what it has, others show */
	BINDING_INSTANCE, /* BINDING_INSTANCE_PREFIX and a name: the tenant's token for it */
};
#define BINDING_CONNECTIVITY_NAME "connectivity.json"
#define BINDING_ASSERTION_PREFIX "assertion:"
#define BINDING_INSTANCE_PREFIX "instance:"

/* The kind, and the destination's name without what says the kind (borrowed). */
enum binding_kind binding_kind(const struct binding *b, const char **ret_name);

/* Whether it is of a destination, and of a tenant; with NULL, of any or none. */
bool binding_is_of(const struct binding *b, const char *destination, const char *tenant);

/* Whether every string is one that a binding of its kind may have. */
bool binding_is_well_formed(const struct binding *b);

/*
 * One hash over all that says whose a token or a TLS session is: everything but the
 * service, since many may expose one destination. 0, -ENOMEM or -EIO.
 */
_must_check_ int binding_owner(
    const struct binding *b, unsigned char ret[DIGEST_SHA256_SIZE]);

/* The first bytes of a realm tell its holder: whose they are, whichever service takes it. */
#define BINDING_HOLDER_SIZE 8

/*
 * One hash over all that says within which bounds a client's credential is one and the same,
 * whatever destination it is presented to: tenant, instance, level, and the digest of the
 * endpoint that takes it (token_request_endpoint()); and before it, so that a tenant's are known
 * from another's, the beginning of one over tenant and instance. 0, -ENOMEM or -EIO.
 */
_must_check_ int binding_realm(const struct binding *b,
    const unsigned char endpoint[DIGEST_SHA256_SIZE],
    unsigned char ret[DIGEST_SHA256_SIZE]);

void binding_done(struct binding *b);
#define _cleanup_binding_ _cleanup_(binding_done)
