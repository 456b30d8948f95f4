/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of jsmn. jsmn finds where tokens begin and end but takes {"a"}, [1 2],
 * trailing commas, two roots and raw control bytes for JSON; so json_scan() walks the
 * text once by the grammar of RFC 8259 first and refuses what is none, and only then are
 * jsmn's tokens believed. Strings are decoded in place: a decoded string is never longer
 * than its source.
 */

#include "json.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json-scan.h"

struct json {
	char *text; /* owned, decoded in place, NUL-terminated */
	size_t len;
	jsmntok_t *tokens; /* owned */
	int n;
};

static int report(
    struct json_error *error, const char *reason, const char *text, size_t at)
{
	struct json_error e = {.reason = reason, .line = 1, .column = 1};

	for (size_t i = 0; i < at; i++) {
		e.column++;
		if (text[i] == '\n') {
			e.line++;
			e.column = 1;
		}
	}
	if (error)
		*error = e;
	return -EBADMSG;
}

/* Decodes a string token in place and ends it with a NUL, at the latest over its closing quote. */
static void decode_string(struct json *j, jsmntok_t *t)
{
	t->end = t->start +
		 (int)json_unescape(j->text + t->start, (size_t)(t->end - t->start));
	j->text[t->end] = '\0';
}

static int tokenise(struct json *j)
{
	jsmn_parser parser;
	int n;

	jsmn_init(&parser);
	n = jsmn_parse(&parser, j->text, j->len, NULL, 0);
	if (n <= 0 || n > JSON_TOKENS_MAX)
		return -EBADMSG;
	j->tokens = calloc((size_t)n, sizeof(*j->tokens));
	if (!j->tokens)
		return -ENOMEM;
	jsmn_init(&parser);
	j->n = jsmn_parse(&parser, j->text, j->len, j->tokens, (unsigned)n);
	return j->n == n ? 0 : -EBADMSG;
}

/* Ends every string and literal with a NUL; what they overwrite has done its work. */
static void decode(struct json *j)
{
	for (int i = 0; i < j->n; i++) {
		if (j->tokens[i].type == JSMN_STRING)
			decode_string(j, &j->tokens[i]);
		else if (j->tokens[i].type == JSMN_PRIMITIVE)
			j->text[j->tokens[i].end] = '\0';
	}
}

/* The token behind `token` and all that it contains. */
static int skip(const struct json *j, int token)
{
	int end = token + 1;

	while (end < j->n && j->tokens[end].parent >= token)
		end++;
	return end;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* *ret is a key that the object has twice, or NULL. */
static int find_duplicate_key(const struct json *j, int object, const char **ret)
{
	_cleanup_free_ const char **keys = NULL;
	int n = 0, position = 0;
	struct json_value value, v = {j, object};
	const char *key;

	*ret = NULL;
	if (j->tokens[object].size < 2)
		return 0;
	keys = calloc((size_t)j->tokens[object].size, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	while (json_next_member(v, &position, &key, &value))
		keys[n++] = key;
	qsort(keys, (size_t)n, sizeof(*keys), compare_keys);
	for (int i = 1; i < n; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			*ret = keys[i];
	return 0;
}

static int check_duplicates(
    const struct json *j, const char *text, struct json_error *error)
{
	const char *duplicate;
	int r;

	for (int i = 0; i < j->n; i++) {
		if (j->tokens[i].type != JSMN_OBJECT)
			continue;
		r = find_duplicate_key(j, i, &duplicate);
		if (r < 0)
			return r;
		if (!duplicate)
			continue;
		r = report(error, "has a key twice in the object that begins here", text,
		    (size_t)j->tokens[i].start);
		if (error) {
			error->key_at = (size_t)(duplicate - j->text);
			error->key_len = strlen(duplicate);
		}
		return r;
	}
	return 0;
}

int json_parse(const char *text, size_t len, struct json **ret, struct json_error *error)
{
	_cleanup_json_ struct json *j = NULL;
	const char *reason;
	size_t at;
	int r;

	if (!json_scan(text, len, &at, &reason))
		return report(error, reason, text, at);
	j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	/* the space lets jsmn see where a number at the root ends */
	j->len = len + 1;
	j->text = malloc(j->len + 1);
	if (!j->text)
		return -ENOMEM;
	memcpy(j->text, text, len);
	memcpy(j->text + len, " ", 2);
	r = tokenise(j);
	if (r == -EBADMSG)
		return report(error, "has too many values", text, 0);
	if (r < 0)
		return r;
	decode(j);
	r = check_duplicates(j, text, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(j);
	return 0;
}

struct json *json_free(struct json *j)
{
	if (!j)
		return NULL;
	if (j->text)
		explicit_bzero(j->text, j->len);
	free(j->text);
	free(j->tokens);
	free(j);
	return NULL;
}

struct json_value json_root(const struct json *json)
{
	return (struct json_value){json, 0};
}

static const jsmntok_t *token(struct json_value v)
{
	return &v.json->tokens[v.token];
}

static const char *token_text(struct json_value v)
{
	return v.json->text + token(v)->start;
}

enum json_type json_type(struct json_value v)
{
	switch (token(v)->type) {
	case JSMN_OBJECT:
		return JSON_OBJECT;
	case JSMN_ARRAY:
		return JSON_ARRAY;
	case JSMN_STRING:
		return JSON_STRING;
	case JSMN_PRIMITIVE:
	case JSMN_UNDEFINED:
		break;
	}
	switch (token_text(v)[0]) {
	case 't':
	case 'f':
		return JSON_BOOLEAN;
	case 'n':
		return JSON_NULL;
	}
	return JSON_NUMBER;
}

size_t json_length(struct json_value v)
{
	enum json_type type = json_type(v);

	return type == JSON_OBJECT || type == JSON_ARRAY ? (size_t)token(v)->size : 0;
}

bool json_find(struct json_value object, const char *key, struct json_value *ret)
{
	struct json_value value;
	const char *name;
	int position = 0;

	while (json_next_member(object, &position, &name, &value)) {
		if (strcmp(name, key) != 0)
			continue;
		*ret = value;
		return true;
	}
	return false;
}

const char *json_text(struct json_value v)
{
	enum json_type type = json_type(v);

	if (type == JSON_OBJECT || type == JSON_ARRAY || type == JSON_NULL)
		return NULL;
	return token_text(v);
}

const char *json_string(struct json_value v)
{
	return json_type(v) == JSON_STRING ? token_text(v) : NULL;
}

bool json_integer(struct json_value v, int64_t *ret)
{
	char *end;
	intmax_t value;

	if (json_type(v) != JSON_NUMBER)
		return false;
	errno = 0;
	value = strtoimax(token_text(v), &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*ret = value;
	return true;
}

bool json_boolean(struct json_value v, bool *ret)
{
	if (json_type(v) != JSON_BOOLEAN)
		return false;
	*ret = token_text(v)[0] == 't';
	return true;
}

bool json_next_member(
    struct json_value object, int *position, const char **ret_key, struct json_value *ret)
{
	int key;

	if (json_type(object) != JSON_OBJECT)
		return false;
	key = *position ? *position : object.token + 1;
	if (key >= object.json->n || object.json->tokens[key].parent != object.token)
		return false;
	*ret_key = token_text((struct json_value){object.json, key});
	*ret = (struct json_value){object.json, key + 1};
	*position = skip(object.json, key);
	return true;
}

bool json_next_element(struct json_value array, int *position, struct json_value *ret)
{
	int element;

	if (json_type(array) != JSON_ARRAY)
		return false;
	element = *position ? *position : array.token + 1;
	if (element >= array.json->n || array.json->tokens[element].parent != array.token)
		return false;
	*ret = (struct json_value){array.json, element};
	*position = skip(array.json, element);
	return true;
}
