/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON texts (RFC 8259), read strictly: one root, no trailing comma, no duplicate key,
 * valid UTF-8 and escapes, no NUL in a string, bounded depth. A document owns a private
 * copy of the text, which it wipes when freed, and hands out cheap handles (struct
 * json_value) into it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "macro.h"

#define JSON_DEPTH_MAX 16
#define JSON_TOKENS_MAX 8192

enum json_type {
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_BOOLEAN,
	JSON_NULL,
};

struct json;

/* A place in a document; valid as long as the document is. */
struct json_value {
	const struct json *json;
	int token;
};

/* Where and why a text was refused. The reason is a constant string without any content. */
struct json_error {
	const char *reason;
	unsigned line; /* from 1 */
	unsigned column;
	size_t key_at,
	    key_len; /* the key it is about, within the text; key_len 0 for none */
};

/*
 * Parses `len` bytes. `error` may be NULL. Returns 0 and the document, -EBADMSG with
 * `error` set, or -ENOMEM.
 */
_must_check_ int json_parse(
    const char *text, size_t len, struct json **ret, struct json_error *error);

/* Wipes and frees; takes NULL; returns NULL. */
struct json *json_free(struct json *json);

static inline void json_freep(struct json **json)
{
	*json = json_free(*json);
}
#define _cleanup_json_ _cleanup_(json_freep)

struct json_value json_root(const struct json *json);
enum json_type json_type(struct json_value v);

/* The number of members of an object or elements of an array; 0 for all else. */
size_t json_length(struct json_value v);

/* The value of a key, compared byte for byte: false if `object` is none or has no such key. */
bool json_find(struct json_value object, const char *key, struct json_value *ret);

/*
 * The decoded string, or the literal text of a number, true, false: NUL-terminated,
 * borrowed from the document. NULL for other types.
 */
const char *json_text(struct json_value v);

/* The decoded string, or NULL if the value is no string. */
const char *json_string(struct json_value v);

/* An integer within int64_t, written without fraction and exponent: true if it is one. */
bool json_integer(struct json_value v, int64_t *ret);

/* true or false: true if the value is one of them. */
bool json_boolean(struct json_value v, bool *ret);

/* Steps through the members of an object in order: start with *position = 0; false at the end. */
bool json_next_member(struct json_value object, int *position, const char **ret_key,
    struct json_value *ret);

/* Steps through the elements of an array likewise. */
bool json_next_element(struct json_value array, int *position, struct json_value *ret);
