/* SPDX-License-Identifier: Apache-2.0 */
/* Varlink messages: finding their ends, reading the members that every message has,
 * writing them. */

#include "varlink.h"

#include <errno.h>
#include <string.h>

int varlink_take(struct secret *in, struct json **ret)
{
	_cleanup_json_ struct json *json = NULL;
	const char *end = in->len ? memchr(in->data, '\0', in->len) : NULL;
	size_t n;
	int r;

	if (!end)
		return in->len >= VARLINK_MESSAGE_MAX ? -EMSGSIZE : 0;
	n = (size_t)(end - in->data);
	if (n >= VARLINK_MESSAGE_MAX)
		return -EMSGSIZE;
	r = json_parse(in->data, n, &json, NULL);
	secret_consume(in, n + 1);
	if (r < 0)
		return r;
	if (json_type(json_root(json)) != JSON_OBJECT)
		return -EBADMSG;
	*ret = TAKE_PTR(json);
	return 1;
}

bool varlink_parameters(const struct json *message, struct json_value *ret)
{
	struct json_value v;

	*ret = (struct json_value){0};
	if (!json_find(json_root(message), "parameters", &v))
		return true;
	if (json_type(v) != JSON_OBJECT)
		return false;
	*ret = v;
	return true;
}

static const char *string_member(const struct json *message, const char *key)
{
	struct json_value v;

	return json_find(json_root(message), key, &v) ? json_string(v) : NULL;
}

const char *varlink_method(const struct json *message)
{
	return string_member(message, "method");
}

const char *varlink_error(const struct json *message)
{
	return string_member(message, "error");
}

static void begin(struct varlink_writer *v, struct secret *out, const char *key,
    const char *value, bool is_oneway)
{
	*v = (struct varlink_writer){.w = {.out = out}, .start = out->len};
	json_writer_open(&v->w, NULL, '{');
	if (key)
		json_writer_string(&v->w, key, value);
	if (is_oneway)
		json_writer_boolean(&v->w, "oneway", true);
	json_writer_open(&v->w, "parameters", '{');
}

void varlink_begin_call(struct varlink_writer *v, struct secret *out, const char *method)
{
	begin(v, out, "method", method, false);
}

void varlink_begin_oneway_call(
    struct varlink_writer *v, struct secret *out, const char *method)
{
	begin(v, out, "method", method, true);
}

void varlink_begin_reply(struct varlink_writer *v, struct secret *out)
{
	begin(v, out, NULL, NULL, false);
}

void varlink_begin_error(struct varlink_writer *v, struct secret *out, const char *error)
{
	begin(v, out, "error", error, false);
}

int varlink_end(struct varlink_writer *v)
{
	struct secret *out = v->w.out;
	int r;

	json_writer_close(&v->w, '}');
	json_writer_close(&v->w, '}');
	r = json_writer_end(&v->w);
	if (r == 0)
		r = secret_append(out, "", 1);
	if (r < 0 && out->data) {
		explicit_bzero(out->data + v->start, out->len - v->start);
		out->len = v->start;
	}
	return r;
}
