/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers that wipe themselves. Growth copies and wipes: realloc(3) would leave a copy behind. */

#include "secret.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SECRET_CAP_MIN 256

void secret_done(struct secret *s)
{
	if (s->data)
		explicit_bzero(s->data, s->cap);
	free(s->data);
	*s = (struct secret){0};
}

void secret_clear(struct secret *s)
{
	if (s->data)
		explicit_bzero(s->data, s->len);
	s->len = 0;
}

const char *secret_str(const struct secret *s)
{
	return s->data ? s->data : "";
}

int secret_reserve(struct secret *s, size_t n)
{
	size_t cap = MAX_OF(s->cap, (size_t)SECRET_CAP_MIN);
	char *data;

	if (n >= SIZE_MAX / 4 - s->len)
		return -ENOMEM;
	if (s->len + n < s->cap)
		return 0;
	while (cap <= s->len + n)
		cap *= 2;
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	if (s->data) {
		memcpy(data, s->data, s->len);
		explicit_bzero(s->data, s->cap);
		free(s->data);
	}
	data[s->len] = '\0';
	s->data = data;
	s->cap = cap;
	return 0;
}

int secret_append(struct secret *s, const void *bytes, size_t n)
{
	int r;

	r = secret_reserve(s, n);
	if (r < 0)
		return r;
	if (n)
		memcpy(s->data + s->len, bytes, n);
	s->len += n;
	s->data[s->len] = '\0';
	return 0;
}

int secret_puts(struct secret *s, const char *text)
{
	return secret_append(s, text, strlen(text));
}

int secret_concat(struct secret *s, ...)
{
	const size_t before = s->len;
	const char *text;
	va_list ap;
	int r = 0;

	va_start(ap, s);
	while (r == 0 && (text = va_arg(ap, const char *)))
		r = secret_puts(s, text);
	va_end(ap);
	if (r < 0 && s->data) {
		explicit_bzero(s->data + before, s->len - before);
		s->len = before;
	}
	return r;
}

int secret_printf(struct secret *s, const char *format, ...)
{
	size_t room;
	va_list ap;
	int n, r;

	r = secret_reserve(s, 1); /* which is enough for most */
	if (r < 0)
		return r;
	room = s->cap - s->len;
	va_start(ap, format);
	n = vsnprintf(s->data + s->len, room, format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < room) {
		s->len += (size_t)n;
		return 0;
	}
	explicit_bzero(s->data + s->len, room);
	if (n < 0)
		return -EINVAL;
	r = secret_reserve(s, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, format);
	n = vsnprintf(s->data + s->len, s->cap - s->len, format, ap);
	va_end(ap);
	s->len += (size_t)n;
	return 0;
}

void secret_consume(struct secret *s, size_t n)
{
	if (n == 0)
		return;
	memmove(s->data, s->data + n, s->len - n);
	explicit_bzero(s->data + s->len - n, n);
	s->len -= n;
}

char *secret_free_string(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return NULL;
}
