/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What `maildest add` wants to know, and what it knows already of common services. */

#include <stdbool.h>

#include "secret.h"

enum field {
	FIELD_PRESET,
	FIELD_PROTOCOL,
	FIELD_HOST,
	FIELD_PORT,
	FIELD_USER,
	FIELD_AZURE_TENANT,
	FIELD_TOKEN_URL,
	FIELD_CLIENT_ID,
	FIELD_SCOPE,
	FIELD_LOCATION_ID,
	FIELD_MAX,
};

/* The answers. */
struct recipe {
	const char *name;		/* the destination's; borrowed */
	char *fields[FIELD_MAX];	/* owned; NULL: not known, or not needed */
	struct secret secret, password; /* empty: not needed */
};

void recipe_done(struct recipe *r);
#define _cleanup_recipe_ _cleanup_(recipe_done)

/* The options' names, by field. */
extern const char *const recipe_options[FIELD_MAX];

/*
 * Completes the answers: from the preset's knowledge, then by asking. Secrets come from
 * the files that are named (NULL: asked for). 0; -EINVAL; -ENODATA if something is
 * missing and nobody can be asked; -ECANCELED; another -errno of reading; all with
 * *ret_why (malloc'd).
 */
_must_check_ int recipe_complete(
    struct recipe *r, const char *secret_file, const char *password_file, char **ret_why);

/* Appends the destination's JSON: 0; -EINVAL with *ret_why; -ENOMEM. */
_must_check_ int recipe_write(const struct recipe *r, struct secret *out, char **ret_why);
/* What only the helper reads; leaves `out` empty if there is nothing. */
_must_check_ int recipe_write_secrets(
    const struct recipe *r, struct secret *out, char **ret_why);
