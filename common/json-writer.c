/* SPDX-License-Identifier: Apache-2.0 */
/* Writes compact JSON; strings are checked, so what goes out is always what RFC 8259 allows. */

#include "json-writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "utf8.h"

static void put(struct json_writer *w, const char *text, size_t n)
{
	if (w->error == 0)
		w->error = secret_append(w->out, text, n);
}

static void put_text(struct json_writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void put_escaped(struct json_writer *w, unsigned char c)
{
	char escape[sizeof("\\u0000")] = "\\u00";
	static const char hex[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		put(w, (const char[]){'\\', (char)c}, 2);
		return;
	}
	escape[4] = hex[c >> 4];
	escape[5] = hex[c & 0xf];
	put(w, escape, 6);
}

static void put_string(struct json_writer *w, const char *text)
{
	size_t len = strlen(text), plain = 0;

	if (!utf8_is_valid(text, len)) {
		if (w->error == 0)
			w->error = -EILSEQ;
		return;
	}
	put(w, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(w, text + plain, i - plain);
		put_escaped(w, c);
		plain = i + 1;
	}
	put(w, text + plain, len - plain);
	put(w, "\"", 1);
}

static void put_key(struct json_writer *w, const char *key)
{
	if (w->comma)
		put(w, ",", 1);
	w->comma = true;
	if (!key)
		return;
	put_string(w, key);
	put(w, ":", 1);
}

void json_writer_open(struct json_writer *w, const char *key, char bracket)
{
	put_key(w, key);
	put(w, &bracket, 1);
	w->comma = false;
}

void json_writer_close(struct json_writer *w, char bracket)
{
	put(w, &bracket, 1);
	w->comma = true;
}

void json_writer_string(struct json_writer *w, const char *key, const char *value)
{
	put_key(w, key);
	put_string(w, value);
}

void json_writer_integer(struct json_writer *w, const char *key, int64_t value)
{
	put_key(w, key);
	if (w->error == 0)
		w->error = secret_printf(w->out, "%" PRId64, value);
}

void json_writer_boolean(struct json_writer *w, const char *key, bool value)
{
	put_key(w, key);
	put_text(w, value ? "true" : "false");
}

int json_writer_end(const struct json_writer *w)
{
	return w->error;
}
