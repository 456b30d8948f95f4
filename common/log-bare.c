/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here allocates. */

#include "log-bare.h"

#include <stdbool.h>
#include <string.h>

/* NAME="value", a blank or a bracket before it, and the end of the line. */
#define AROUND 6

static bool has_room(const struct log_bare *b, size_t n)
{
	return n <= sizeof(b->text) - b->len;
}

/* As much of it as there is room for; the last octet is the line's end. */
static void put(struct log_bare *b, const char *text)
{
	for (; *text && has_room(b, 2); text++)
		b->text[b->len++] = *text >= 0x20 && *text < 0x7f ? *text : '?';
}

static void end_line(struct log_bare *b)
{
	if (has_room(b, 1))
		b->text[b->len++] = '\n';
}

static bool fits(const struct log_bare *b, const struct log_field *f)
{
	return f->value && has_room(b, strlen(f->name) + strlen(f->value) + AROUND);
}

/* A value in quotes, none of which are its own. */
static void put_quoted(struct log_bare *b, const char *value)
{
	size_t from;

	put(b, "\"");
	from = b->len;
	put(b, value);
	for (size_t i = from; i < b->len; i++)
		if (b->text[i] == '"')
			b->text[i] = '?';
	put(b, "\"");
}

void log_bare_native(struct log_bare *b, const struct log_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!fits(b, &fields[i]))
			continue;
		put(b, fields[i].name);
		put(b, "=");
		put(b, fields[i].value);
		end_line(b);
	}
}

void log_bare_readable(struct log_bare *b, const char *priority, const char *identifier,
    const char *message, const struct log_field *fields, size_t n)
{
	bool is_first = true;

	put(b, "<");
	put(b, priority);
	put(b, ">");
	put(b, identifier);
	put(b, ": ");
	put(b, message);
	for (size_t i = 0; i < n; i++) {
		if (!fits(b, &fields[i]))
			continue;
		put(b, is_first ? " [" : " ");
		put(b, fields[i].name);
		put(b, "=");
		put_quoted(b, fields[i].value);
		is_first = false;
	}
	if (!is_first)
		put(b, "]");
	end_line(b);
}
