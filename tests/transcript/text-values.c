/* SPDX-License-Identifier: Apache-2.0 */
/* A table of values. Nothing here knows where in a dialogue a value is used. */

#include "text-values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"

#define ARGUMENTS_MAX 2
#define REPEAT_MAX ((size_t)64 * 1024 * 1024)

/* A value being made: its arguments, expanded, and where it goes. */
struct call {
	struct values *values;
	struct secret arguments[ARGUMENTS_MAX];
	size_t n;
	struct secret *out;
	const char *why;
};

static void call_done(struct call *c)
{
	for (size_t i = 0; i < ARGUMENTS_MAX; i++)
		secret_done(&c->arguments[i]);
}

const char *text_closing_brace(const char *at)
{
	unsigned depth = 1;

	for (; *at; at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '{')
			depth++;
		else if (*at == '}' && --depth == 0)
			return at;
	}
	return NULL;
}

static const char *argument(const struct call *c, size_t i, const char *missing)
{
	return i < c->n ? secret_str(&c->arguments[i]) : missing;
}

static int put_user(struct call *c)
{
	return secret_puts(c->out, c->values->user);
}

static int put_password(struct call *c)
{
	return secret_puts(c->out, c->values->password);
}

static int put_token(struct call *c)
{
	return secret_puts(c->out, c->values->token);
}

static int put_each(struct call *c)
{
	return secret_puts(c->out, c->values->each);
}

static int put_tag(struct call *c)
{
	return secret_puts(c->out, secret_str(&c->values->tag));
}

static int put_repeat(struct call *c)
{
	const struct secret *what = &c->arguments[1];
	size_t n = (size_t)strtoul(argument(c, 0, "0"), NULL, 10);
	int r = 0;

	if (c->n != 2 || n == 0 || n > REPEAT_MAX || what->len * n > REPEAT_MAX) {
		c->why = "it must be ${repeat:N:text}";
		return -EINVAL;
	}
	while (n-- > 0 && r == 0)
		r = secret_append(c->out, what->data, what->len);
	return r;
}

static int put_base64(struct call *c)
{
	return base64_encode(secret_str(&c->arguments[0]), c->arguments[0].len, c->out);
}

static int put_plain(struct call *c)
{
	_cleanup_secret_ struct secret response = {0};
	int r;

	r = secret_append(&response, "", 1);
	if (r == 0)
		r = secret_puts(&response, argument(c, 0, c->values->user));
	if (r == 0)
		r = secret_append(&response, "", 1);
	if (r == 0)
		r = secret_puts(&response, argument(c, 1, c->values->password));
	return r < 0 ? r : base64_encode(response.data, response.len, c->out);
}

static int put_xoauth2(struct call *c)
{
	_cleanup_secret_ struct secret response = {0};
	int r;

	r = secret_printf(&response, "user=%s\001auth=Bearer %s\001\001",
	    argument(c, 0, c->values->user), argument(c, 1, c->values->token));
	return r < 0 ? r : base64_encode(response.data, response.len, c->out);
}

static int put_oauthbearer(struct call *c)
{
	_cleanup_secret_ struct secret response = {0};
	int r;

	r = secret_printf(&response,
	    "n,a=%s,\001host=%s\001port=%s\001auth=Bearer %s\001\001",
	    argument(c, 0, c->values->user), c->values->host, c->values->port,
	    argument(c, 1, c->values->token));
	return r < 0 ? r : base64_encode(response.data, response.len, c->out);
}

static int put_scram_first(struct call *c)
{
	return scram_server_first(
	    &c->values->scram, argument(c, 0, SCRAM_SERVER_ITERATIONS), c->out);
}

static int put_scram_final(struct call *c)
{
	return scram_server_final(&c->values->scram, c->values->password, c->out);
}

static int put_scram_nonce(struct call *c)
{
	return secret_puts(c->out, secret_str(&c->values->scram.nonce));
}

static const struct {
	const char *name;
	size_t arguments_max;
	int (*put)(struct call *c);
} values[] = {
    {"base64", 1, put_base64},
    {"each", 0, put_each},
    {"oauthbearer", 2, put_oauthbearer},
    {"password", 0, put_password},
    {"plain", 2, put_plain},
    {"repeat", 2, put_repeat},
    {"scram-nonce", 0, put_scram_nonce},
    {"scram-server-final", 0, put_scram_final},
    {"scram-server-first", 1, put_scram_first},
    {"tag", 0, put_tag},
    {"token", 0, put_token},
    {"user", 0, put_user},
    {"xoauth2", 2, put_xoauth2},
};

/* The colon that ends an argument, or the end; braces and escapes are skipped. */
static const char *argument_end(const char *at, const char *end)
{
	while (at < end && *at != ':') {
		const char *closing;

		closing = strncmp(at, "${", 2) == 0 ? text_closing_brace(at + 2) : NULL;
		if (closing)
			at = closing;
		else if (*at == '\\')
			at++;
		at++;
	}
	return at < end ? at : end;
}

static int add_argument(struct call *c, const char *at, size_t n)
{
	_cleanup_free_ char *source = strndup(at, n);
	_cleanup_text_ struct text text = {0};
	_cleanup_free_ char *closed = NULL;
	int r;

	if (!source || asprintf(&closed, "%s\\c", source) < 0)
		return -ENOMEM;
	r = text_expand(closed, TEXT_TO_SEND, c->values, &text, &c->why);
	if (r == 0)
		r = secret_append(
		    &c->arguments[c->n], secret_str(&text.bytes), text.bytes.len);
	c->n++;
	return r;
}

/* The last argument takes the rest, colons included. */
static int take_arguments(struct call *c, const char *at, const char *end, size_t max)
{
	int r = 0;

	while (at < end && r == 0) {
		const char *stop = c->n + 1 < max ? argument_end(at + 1, end) : end;

		r = add_argument(c, at + 1, (size_t)(stop - at - 1));
		at = stop;
	}
	return r;
}

int text_value(const char *source, size_t n, struct values *v, struct secret *out,
    const char **ret_why)
{
	_cleanup_(call_done) struct call c = {.values = v, .out = out};
	const char *end = source + n, *colon = memchr(source, ':', n);
	size_t name = colon ? (size_t)(colon - source) : n;
	int r = -EINVAL;

	c.why = "there is no such value";
	for (size_t i = 0; i < ELEMENTSOF(values); i++) {
		if (strlen(values[i].name) != name ||
		    strncmp(values[i].name, source, name) != 0)
			continue;
		if (colon && values[i].arguments_max == 0)
			break;
		r = take_arguments(&c, source + name, end, values[i].arguments_max);
		if (r == 0)
			r = values[i].put(&c);
		break;
	}
	*ret_why = c.why;
	return r;
}
