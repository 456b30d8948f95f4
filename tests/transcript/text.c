/* SPDX-License-Identifier: Apache-2.0 */
/* Escapes, ${...} and "...": one pass over the text as written, one over what came. */

#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text-values.h"

/* A text while it is being expanded. */
struct expansion {
	struct text *out;
	struct values *values;
	bool pattern;
	const char *why;
};

void values_done(struct values *v)
{
	secret_done(&v->tag);
	scram_server_done(&v->scram);
}

void text_done(struct text *t)
{
	secret_done(&t->bytes);
}

static int add_segment(struct expansion *e, enum segment_kind kind)
{
	struct text *t = e->out;

	if (t->n == TEXT_SEGMENTS_MAX) {
		e->why = "the text has too many parts";
		return -EINVAL;
	}
	t->segments[t->n++] = (struct segment){.kind = kind, .at = t->bytes.len};
	return 0;
}

static int add_bytes(struct expansion *e, const void *bytes, size_t n)
{
	struct text *t = e->out;
	int r = 0;

	if (t->n == 0 || t->segments[t->n - 1].kind != SEGMENT_BYTES)
		r = add_segment(e, SEGMENT_BYTES);
	if (r == 0)
		r = secret_append(&t->bytes, bytes, n);
	if (r == 0)
		t->segments[t->n - 1].len += n;
	return r;
}

/* "xNN" behind a backslash: the value, or -EINVAL. */
static int parse_hex(const char *at)
{
	static const char digits[] = "0123456789abcdef";
	int value = 0;

	for (int i = 1; i <= 2; i++) {
		const char *digit =
		    at[i] ? strchr(digits, tolower((unsigned char)at[i])) : NULL;

		if (!digit)
			return -EINVAL;
		value = value * 16 + (int)(digit - digits);
	}
	return value;
}

/* The character behind a backslash and how many were used: 0 or -EINVAL. */
static int parse_escape(struct expansion *e, const char **at)
{
	static const char names[] = "rnt0\\$.", values[] = "\r\n\t\0\\$.";
	const char *found = **at ? strchr(names, **at) : NULL;
	int hex = **at == 'x' ? parse_hex(*at) : -EINVAL;
	char byte;

	if (!found && hex < 0) {
		e->why = "there is no such escape";
		return -EINVAL;
	}
	byte = found ? values[found - names] : (char)hex;
	*at += found ? 1 : 3;
	return add_bytes(e, &byte, 1);
}

static const struct {
	const char *name;
	enum segment_kind kind;
} marks[] = {
    {"tag", SEGMENT_TAG},
    {"scram-client-first", SEGMENT_SCRAM_FIRST},
    {"scram-client-final", SEGMENT_SCRAM_FINAL},
};

/* "${...}" from behind its brace on; `end` is the brace that closes it. */
static int parse_value(struct expansion *e, const char *at, const char *end)
{
	_cleanup_secret_ struct secret value = {0};
	size_t n = (size_t)(end - at);
	int r;

	for (size_t i = 0; e->pattern && i < ELEMENTSOF(marks); i++)
		if (strlen(marks[i].name) == n && strncmp(marks[i].name, at, n) == 0)
			return add_segment(e, marks[i].kind);
	r = text_value(at, n, e->values, &value, &e->why);
	return r < 0 ? r : add_bytes(e, secret_str(&value), value.len);
}

static int parse_one(struct expansion *e, const char **at)
{
	const char *end;
	int r;

	if (**at == '\\') {
		(*at)++;
		return parse_escape(e, at);
	}
	if (strncmp(*at, "${", 2) == 0) {
		end = text_closing_brace(*at + 2);
		if (!end) {
			e->why = "a brace is not closed";
			return -EINVAL;
		}
		r = parse_value(e, *at + 2, end);
		*at = end + 1;
		return r;
	}
	if (e->pattern && strncmp(*at, "...", 3) == 0) {
		*at += 3;
		return add_segment(e, SEGMENT_ANYTHING);
	}
	return add_bytes(e, (*at)++, 1);
}

int text_expand(const char *source, enum text_use use, struct values *v, struct text *ret,
    const char **ret_why)
{
	struct expansion e = {.out = ret, .values = v, .pattern = use != TEXT_TO_SEND};
	int r = 0;

	ret->has_line_end = use != TEXT_TO_COMPARE;
	while (*source && r == 0) {
		if (strcmp(source, "\\c") == 0) {
			ret->has_line_end = false;
			break;
		}
		r = parse_one(&e, &source);
	}
	if (r == 0 && ret->has_line_end)
		r = add_bytes(&e, "\r\n", 2);
	*ret_why = e.why ? e.why : "no memory";
	return r;
}

bool text_is_literal(const struct text *t)
{
	return t->n == 0 || (t->n == 1 && t->segments[0].kind == SEGMENT_BYTES);
}

static bool match(
    const struct text *t, size_t i, struct values *v, const char *at, size_t len);

/* A segment of as many bytes as its word or line has, and what follows it. */
static bool match_run(const struct text *t, size_t i, struct values *v, const char *at,
    size_t len, size_t run)
{
	int r;

	switch (t->segments[i].kind) {
	case SEGMENT_SCRAM_FIRST:
		r = scram_server_take_first(&v->scram, at, run);
		break;
	case SEGMENT_SCRAM_FINAL:
		r = scram_server_take_final(&v->scram, v->password, at, run);
		break;
	default:
		secret_clear(&v->tag);
		r = secret_append(&v->tag, at, run);
	}
	return r == 0 && match(t, i + 1, v, at + run, len - run);
}

static size_t run_length(const char *at, size_t len)
{
	size_t n = 0;

	while (n < len && !memchr(" \r\n", at[n], 3))
		n++;
	return n;
}

static bool match(
    const struct text *t, size_t i, struct values *v, const char *at, size_t len)
{
	const struct segment *s = &t->segments[i];

	if (i == t->n)
		return len == 0;
	switch (s->kind) {
	case SEGMENT_BYTES:
		return s->len <= len && memcmp(t->bytes.data + s->at, at, s->len) == 0 &&
		       match(t, i + 1, v, at + s->len, len - s->len);
	case SEGMENT_ANYTHING:
		for (size_t n = 0; n <= len; n++)
			if (match(t, i + 1, v, at + n, len - n))
				return true;
		return false;
	case SEGMENT_TAG:
	case SEGMENT_SCRAM_FIRST:
	case SEGMENT_SCRAM_FINAL:
		return match_run(t, i, v, at, len, run_length(at, len));
	}
	return false;
}

bool text_matches(const struct text *t, struct values *v, const char *bytes, size_t len)
{
	return match(t, 0, v, bytes, len);
}
