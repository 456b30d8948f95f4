/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for the client while watching the server. Nothing is read from the server here
 * but what it says unasked; nothing of the client's goes to it.
 */

#include "exchange.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "foreign-protocol.h"
#include "rest.h"
#include "text.h"

/* What a client may keep us waiting with a reply that it does not read. */
#define REPLY_USEC (60 * USEC_PER_SEC)
/* For the server to answer our goodbye. */
#define GOODBYE_USEC (5 * USEC_PER_SEC)
/* An overlong line is skipped up to here; what goes on further is no line at all. */
#define SKIP_MAX ((size_t)16 * 1024 * 1024)

/* What a server may say before the client has asked anything. */
#define UNASKED_MAX ((size_t)64 * 1024)

/* Enough of a line's end to see that it announces a literal. */
#define TAIL_SIZE ((size_t)32)

void exchange_done(struct exchange *x)
{
	free(x->why);
	free(x->login_why);
	x->why = x->login_why = NULL;
}

int exchange_fail(struct exchange *x, int error, const char *format, ...)
{
	va_list ap;

	if (x->why)
		return error;
	va_start(ap, format);
	x->why = text_vformat(format, ap);
	va_end(ap);
	return error;
}

int exchange_fail_quoting(
    struct exchange *x, int error, const char *what, const char *quoted, size_t len)
{
	_cleanup_secret_ struct secret escaped = {0};

	if (upstream_quote(x->upstream, quoted, len, &escaped) < 0)
		return error;
	return exchange_fail(x, error, "%s: '%s'", what, secret_str(&escaped));
}

static int judge_first_byte(struct exchange *x)
{
	unsigned char first;

	if (x->heard || x->client->input.len == 0)
		return 0;
	x->heard = true;
	first = (unsigned char)x->client->input.data[0];
	if (foreign_is_tls(first))
		return exchange_fail(x, -EPERM,
		    "the client began a TLS handshake; this port takes plain text");
	if (x->protocol->starts_with_letter && !isalpha(first))
		return exchange_fail(x, -EPERM,
		    "the client's first byte (0x%02x) begins no command", first);
	return 0;
}

/* Judges the input's first line as far as it has come: 0 or -EPERM. */
static int judge_input(struct exchange *x)
{
	const struct secret *input = &x->client->input;
	struct line line = {.text = input->data, .len = input->len};
	bool whole = stream_find_line(x->client, &line);
	int r;

	r = judge_first_byte(x);
	if (r < 0)
		return r;
	if (foreign_is_http(line.text, line.len, whole))
		return exchange_fail(x, -EPERM, "the client spoke HTTP");
	return 0;
}

/*
 * What a failure to read from the client is to the session; for want of memory it can
 * still be told.
 */
static int lose_client(struct exchange *x, int error)
{
	return error == -ENOMEM ? error
				: exchange_fail(x, -ECONNABORTED, "the client went away");
}

int exchange_judge_early(struct exchange *x)
{
	int r;

	r = stream_fill_now(x->client);
	if (r < 0 && r != -EAGAIN)
		return lose_client(x, r);
	return judge_input(x);
}

int exchange_hear_server(struct exchange *x)
{
	struct stream *s = &x->upstream->stream;
	int r;

	do {
		if (s->input.len > UNASKED_MAX)
			return exchange_fail(x, -EPROTO, "the server floods the session");
		r = stream_fill_now(s);
	} while (r > 0);
	return r == -EAGAIN;
}

/* Waits until the client has sent something; passes on what the server says meanwhile. */
static int fill(struct exchange *x, uint64_t deadline)
{
	struct pollfd fds[] = {
	    {.fd = x->client->in_fd, .events = POLLIN},
	    {.fd = x->upstream->stream.in_fd, .events = POLLIN},
	};
	int r;

	for (;;) {
		/* takes all that is there, so that poll(2) tells the rest */
		r = fds[1].fd < 0 ? 0 : x->protocol->unasked(x);
		if (r < 0)
			return r;
		r = stream_fill_now(x->client);
		if (r >= 0)
			return r;
		if (r != -EAGAIN)
			return lose_client(x, r);
		r = rest_poll(fds, ELEMENTSOF(fds), deadline, NULL, NULL);
		if (r >= 0 && deadline_poll_timeout(deadline) == 0)
			r = -ETIMEDOUT; /* TLS records without data wake us too */
		if (r == -ETIMEDOUT)
			return exchange_fail(
			    x, -ETIME, "the client said nothing for too long");
		if (r < 0)
			return r;
	}
}

int exchange_line(struct exchange *x, size_t max, struct line *ret)
{
	uint64_t deadline = deadline_in(x->protocol->idle_usec);
	int r;

	for (;;) {
		r = judge_input(x);
		if (r < 0)
			return r;
		if (stream_find_line(x->client, ret))
			return ret->raw_len > max ? -EMSGSIZE : 1;
		if (x->client->input.len >= max)
			return -EMSGSIZE;
		r = fill(x, deadline);
		if (r <= 0)
			return r;
	}
}

int exchange_skip_line(struct exchange *x, struct secret *ret_tail)
{
	uint64_t deadline = deadline_in(x->protocol->idle_usec);
	size_t skipped = 0, keep;
	struct line line;
	int r = 0;

	while (!stream_find_line(x->client, &line)) {
		keep = MIN_OF(x->client->input.len, TAIL_SIZE);
		skipped += x->client->input.len - keep;
		secret_consume(&x->client->input, x->client->input.len - keep);
		if (skipped > SKIP_MAX)
			return exchange_fail(
			    x, -EOVERFLOW, "the client sent a line without an end");
		r = fill(x, deadline);
		if (r == 0)
			return exchange_fail(
			    x, -ECONNABORTED, "the client ended within a line");
		if (r < 0)
			return r;
	}
	keep = MIN_OF(line.len, TAIL_SIZE);
	if (ret_tail)
		r = secret_append(ret_tail, line.text + line.len - keep, keep);
	stream_drop_line(x->client, &line);
	return r < 0 ? r : 0;
}

int exchange_bytes(struct exchange *x, size_t n)
{
	uint64_t deadline = deadline_in(x->protocol->idle_usec);
	int r;

	while (x->client->input.len < n) {
		r = fill(x, deadline);
		if (r <= 0)
			return r;
	}
	return 1;
}

int exchange_send(struct exchange *x, const struct secret *reply)
{
	int r;

	r = stream_write(
	    x->client, secret_str(reply), reply->len, deadline_in(REPLY_USEC));
	if (r == -ETIMEDOUT)
		return exchange_fail(
		    x, -ECONNABORTED, "the client does not read our replies");
	if (r < 0)
		return exchange_fail(x, -ECONNABORTED, "the client went away");
	return 0;
}

int exchange_reply(struct exchange *x, const char *format, ...)
{
	_cleanup_secret_ struct secret reply = {0};
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, format);
	text = text_vformat(format, ap);
	va_end(ap);
	r = text ? secret_puts(&reply, text) : -ENOMEM;
	return r < 0 ? r : exchange_send(x, &reply);
}

int exchange_finish(struct exchange *x, int next)
{
	struct upstream *u = x->upstream;

	if (next == NEXT_GOODBYE && u->stream.in_fd >= 0) {
		/* the client may leave, the server is told all the same */
		u->stream.watch_fd = -1;
		u->login_deadline = deadline_in(GOODBYE_USEC);
		/* nobody is left who would miss the answer */
		(void)x->protocol->goodbye(u);
	}
	return next < 0 ? next : next != NEXT_RELAY;
}

int exchange_pass_on_goodbye(struct exchange *x, const char *goodbye)
{
	struct stream *s = &x->upstream->stream;
	struct line line;
	int r, open;

	open = exchange_hear_server(x);
	if (open < 0)
		return open;
	if (!stream_find_line(s, &line))
		return open ? 0
			    : exchange_fail(
				  x, -ECONNRESET, "the server closed the connection");
	if (line.len < strlen(goodbye) ||
	    strncasecmp(line.text, goodbye, strlen(goodbye)) != 0)
		return exchange_fail_quoting(
		    x, -EPROTO, "the server spoke out of turn", line.text, line.len);
	exchange_fail_quoting(
	    x, -ESHUTDOWN, "the server closed the session", line.text, line.len);
	r = exchange_send(x, &s->input);
	return r < 0 ? r : -ESHUTDOWN;
}

int exchange_pass_through(struct exchange *x)
{
	struct line line;
	int r;

	r = exchange_line(x, CLIENT_LINE_MAX, &line);
	if (r == 0)
		return exchange_finish(x, NEXT_GOODBYE);
	return r < 0 && r != -EMSGSIZE ? r : exchange_finish(x, NEXT_RELAY);
}

int exchange_count_error(struct exchange *x)
{
	if (++x->errors < CLIENT_ERRORS_MAX)
		return 0;
	if (x->login_why)
		return exchange_fail(x, -EOVERFLOW,
		    "the client made %u errors; its last login: %s", x->errors,
		    x->login_why);
	return exchange_fail(x, -EOVERFLOW,
	    "the client sent %u lines that are no command here", x->errors);
}
