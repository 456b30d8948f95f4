/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The keys of a destination: JSON objects in layers, an upper one winning key by key, and
 * typed look-ups that say what is wrong. A reason always names file and key and never the
 * content.
 */

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

#define PROPERTIES_LAYERS_MAX 8

struct properties {
	struct {
		struct json *json; /* owned */
		char *path;	   /* for messages; owned */
		struct json_value object;
	} layers[PROPERTIES_LAYERS_MAX]; /* the last one wins */
	unsigned n;
	/* The bottom layer is a tenant's own file (destination_load()). */
	bool is_tenants;
	/* a layer came with the access tokens of a Destination service's answer */
	bool has_tokens;
};

/*
 * Parses a layer and lays it on top; `path` is copied for messages. An object with
 * "destinationConfiguration" (a Destination service's answer) counts as that member.
 * 0; -EBADMSG with *ret_why (malloc'd); -ENOMEM.
 */
_must_check_ int properties_add(
    struct properties *p, const char *text, size_t len, const char *path, char **ret_why);
void properties_done(struct properties *p);
#define _cleanup_properties_ _cleanup_(properties_done)

/* The topmost value of a key: true if there is one. `ret_path` (may be NULL) borrows its file. */
bool properties_find(const struct properties *p, const char *key, struct json_value *ret,
    const char **ret_path);

/*
 * Typed look-ups. Each returns 1 with *ret set, 0 if the key is absent (or null) and *ret
 * is untouched, or -EINVAL with *ret_why (malloc'd). Values may be JSON strings or, where
 * it makes sense, numbers and booleans. Strings are borrowed from `p`, valid UTF-8
 * without control characters, and no <placeholder>.
 */
_must_check_ int properties_string(
    const struct properties *p, const char *key, const char **ret, char **ret_why);
/* Like properties_string(), but any text goes that is not wholly a <placeholder>: passwords. */
_must_check_ int properties_secret(
    const struct properties *p, const char *key, const char **ret, char **ret_why);
/* "true", "false" in any case, or JSON's own. */
_must_check_ int properties_boolean(
    const struct properties *p, const char *key, bool *ret, char **ret_why);
/* A decimal number from `low` to `high`. */
_must_check_ int properties_number(const struct properties *p, const char *key,
    int64_t low, int64_t high, int64_t *ret, char **ret_why);

/*
 * Steps through all keys that start with `prefix` and have more behind it, each once with
 * its topmost value: start with *position = 0; returns false at the end. `ret_name` is
 * what follows the prefix, borrowed.
 */
bool properties_next(const struct properties *p, const char *prefix, int *position,
    const char **ret_key, const char **ret_name);

/* Sets *ret_why to "<file>: key '<key>' <reason>" and returns -EINVAL (-ENOMEM). */
int properties_complain(const struct properties *p, const char *key, char **ret_why,
    const char *reason, ...) _printf_(4, 5);
