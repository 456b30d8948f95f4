/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of JSON objects and typed look-ups in them. Reasons never quote a value: it may
 * be secret. */

#include "properties.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"
#include "reason.h"
#include "secret.h"
#include "text.h"

static int explain_syntax(
    const char *text, const struct json_error *e, const char *path, char **ret_why)
{
	_cleanup_secret_ struct secret key = {0};
	int r;

	r = log_escape(&key, text + e->key_at, e->key_len);
	if (r < 0)
		return r;
	return reason_set(ret_why, -EBADMSG, "%s: %s%s%s%s (line %u, column %u)", path,
	    e->reason, key.len ? ": '" : "", secret_str(&key), key.len ? "'" : "",
	    e->line, e->column);
}

int properties_add(
    struct properties *p, const char *text, size_t len, const char *path, char **ret_why)
{
	_cleanup_json_ struct json *json = NULL;
	struct json_error error;
	struct json_value object, inner, ignored;
	int r;

	if (p->n == PROPERTIES_LAYERS_MAX)
		return -ENOMEM;
	r = json_parse(text, len, &json, &error);
	if (r == -EBADMSG)
		return explain_syntax(text, &error, path, ret_why);
	if (r < 0)
		return r;
	object = json_root(json);
	if (json_find(object, "destinationConfiguration", &inner)) {
		p->has_tokens |= json_find(object, "authTokens", &ignored);
		object = inner;
	}
	if (json_type(object) != JSON_OBJECT)
		return reason_set(ret_why, -EBADMSG, "%s: is no JSON object", path);
	p->layers[p->n].path = strdup(path);
	if (!p->layers[p->n].path)
		return -ENOMEM;
	p->layers[p->n].object = object;
	p->layers[p->n++].json = TAKE_PTR(json);
	return 0;
}

void properties_done(struct properties *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		json_free(p->layers[i].json);
		free(p->layers[i].path);
	}
	*p = (struct properties){0};
}

bool properties_find(const struct properties *p, const char *key, struct json_value *ret,
    const char **ret_path)
{
	for (unsigned i = p->n; i-- > 0;) {
		if (!json_find(p->layers[i].object, key, ret))
			continue;
		if (ret_path)
			*ret_path = p->layers[i].path;
		return true;
	}
	return false;
}

int properties_complain(
    const struct properties *p, const char *key, char **ret_why, const char *reason, ...)
{
	_cleanup_free_ char *text = NULL;
	struct json_value ignored;
	const char *path = NULL;
	va_list ap;

	if (!properties_find(p, key, &ignored, &path) && p->n > 0)
		path = p->layers[0].path;
	va_start(ap, reason);
	text = text_vformat(reason, ap);
	va_end(ap);
	if (!text)
		return -ENOMEM;
	return reason_set(
	    ret_why, -EINVAL, "%s: key '%s' %s", path ? path : "destination", key, text);
}

static bool has_placeholder(const char *text)
{
	const char *open = strchr(text, '<');

	return open && strchr(open, '>');
}

static bool is_placeholder(const char *text)
{
	size_t n = strlen(text);

	return n > 2 && text[0] == '<' && text[n - 1] == '>';
}

/* 1 with the text of a scalar, 0 if absent or null, -EINVAL for objects and arrays. */
static int scalar(
    const struct properties *p, const char *key, const char **ret, char **ret_why)
{
	struct json_value v;

	if (!properties_find(p, key, &v, NULL) || json_type(v) == JSON_NULL)
		return 0;
	*ret = json_text(v);
	if (!*ret)
		return properties_complain(p, key, ret_why, "must be a string");
	return 1;
}

/* As scalar(), and no <placeholder> by the rule given. */
static int filled_scalar(const struct properties *p, const char *key,
    bool (*is_unfilled)(const char *text), const char **ret, char **ret_why)
{
	int r;

	r = scalar(p, key, ret, ret_why);
	if (r > 0 && is_unfilled(*ret))
		return properties_complain(
		    p, key, ret_why, "still has a <placeholder> where a value belongs");
	return r;
}

int properties_string(
    const struct properties *p, const char *key, const char **ret, char **ret_why)
{
	const char *text;
	int r;

	r = filled_scalar(p, key, has_placeholder, &text, ret_why);
	if (r <= 0)
		return r;
	if (text_has_control(text))
		return properties_complain(p, key, ret_why, "has a control character");
	*ret = text;
	return 1;
}

int properties_secret(
    const struct properties *p, const char *key, const char **ret, char **ret_why)
{
	const char *text;
	int r;

	r = filled_scalar(p, key, is_placeholder, &text, ret_why);
	if (r > 0)
		*ret = text;
	return r;
}

int properties_boolean(
    const struct properties *p, const char *key, bool *ret, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0)
		return r;
	if (strcasecmp(text, "true") == 0)
		*ret = true;
	else if (strcasecmp(text, "false") == 0)
		*ret = false;
	else
		return properties_complain(p, key, ret_why, "must be true or false");
	return 1;
}

int properties_number(const struct properties *p, const char *key, int64_t low,
    int64_t high, int64_t *ret, char **ret_why)
{
	const char *text;
	char *end;
	intmax_t value;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0)
		return r;
	errno = 0;
	value = strtoimax(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < low ||
	    value > high)
		return properties_complain(p, key, ret_why,
		    "must be a number from %" PRId64 " to %" PRId64, low, high);
	*ret = value;
	return 1;
}

/* Whether the value at this layer is the topmost one of its key. */
static bool is_topmost(const struct properties *p, unsigned layer, const char *key)
{
	struct json_value ignored;

	for (unsigned i = layer + 1; i < p->n; i++)
		if (json_find(p->layers[i].object, key, &ignored))
			return false;
	return true;
}

/* The position packs the layer above a position within that layer's object. */
#define POSITION_BITS 20

bool properties_next(const struct properties *p, const char *prefix, int *position,
    const char **ret_key, const char **ret_name)
{
	unsigned layer = (unsigned)*position >> POSITION_BITS;
	int within = *position & ((1 << POSITION_BITS) - 1);
	size_t n = strlen(prefix);
	struct json_value ignored;
	const char *key;

	for (; layer < p->n; layer++, within = 0) {
		while (
		    json_next_member(p->layers[layer].object, &within, &key, &ignored)) {
			if (strncmp(key, prefix, n) != 0 || !key[n] ||
			    !is_topmost(p, layer, key))
				continue;
			*position = (int)(layer << POSITION_BITS) | within;
			*ret_key = key;
			*ret_name = key + n;
			return true;
		}
	}
	return false;
}
