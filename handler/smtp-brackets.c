/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line mode: one command and one reply at a time. What the client sent ahead waits in its
 * buffer, so order is kept; line ends pass as they came.
 */

#include "smtp-brackets.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "deadline.h"
#include "smtp.h"

/* "5 minutes" for the replies to MAIL and RCPT, RFC 5321 4.5.3.2 */
#define REPLY_USEC (5 * 60 * USEC_PER_SEC)

static bool has_prefix(const struct line *line, const char *prefix)
{
	size_t n = strlen(prefix);

	return line->len >= n && strncasecmp(line->text, prefix, n) == 0;
}

static bool is_verb(const struct line *line, const char *verb)
{
	size_t n = strlen(verb);

	return has_prefix(line, verb) &&
	       (line->len == n || !isalpha((unsigned char)line->text[n]));
}

/* The length of "MAIL FROM:" or "RCPT TO:" in front of an address, or 0 for other lines. */
static size_t length_of_verb(const struct line *line)
{
	if (has_prefix(line, "MAIL FROM:"))
		return strlen("MAIL FROM:");
	return has_prefix(line, "RCPT TO:") ? strlen("RCPT TO:") : 0;
}

/* Where the address begins, behind spaces, or NULL for other lines. */
static const char *find_address(const struct line *line)
{
	const char *address = line->text + length_of_verb(line),
		   *end = line->text + line->len;

	if (address == line->text)
		return NULL;
	while (address < end && *address == ' ')
		address++;
	return address;
}

/* Where an address ends: at a space, unless that is quoted (RFC 5321 4.1.2, Quoted-string). */
static const char *end_of_address(const char *address, const char *end)
{
	bool quoted = false;

	for (; address < end && (quoted || *address != ' '); address++) {
		if (*address == '"')
			quoted = !quoted;
		else if (*address == '\\' && quoted && address + 1 < end)
			address++;
	}
	return address;
}

bool smtp_brackets_has(const struct line *line)
{
	const char *address = find_address(line);

	return address && address < line->text + line->len && *address == '<';
}

int smtp_brackets_add(const struct line *line, struct secret *out)
{
	const char *end = line->text + line->len, *address = find_address(line), *rest;
	int r;

	if (!address || address == end || *address == '<')
		return secret_append(out, line->text, line->raw_len);
	rest = end_of_address(address, end);
	r = secret_append(out, line->text, length_of_verb(line));
	if (r == 0)
		r = secret_puts(out, "<");
	if (r == 0)
		r = secret_append(out, address, (size_t)(rest - address));
	if (r == 0)
		r = secret_puts(out, ">");
	return r < 0 ? r
		     : secret_append(
			   out, rest, line->raw_len - (size_t)(rest - line->text));
}

/* Where we have logged in, a login or TLS of the client's never goes upstream. */
static const char *own_answer(const struct exchange *x, const struct line *line)
{
	if (x->access == ACCESS_PASS_THROUGH)
		return NULL;
	if (is_verb(line, "AUTH"))
		return "503 5.5.1 Not during a mail transaction\r\n";
	if (is_verb(line, "STARTTLS"))
		return "502 5.5.1 Not here: this leg stays on the host\r\n";
	return NULL;
}

/* Why the server failed is the exchange's reason from here on. */
static int from_upstream(struct exchange *x, int error)
{
	return exchange_fail(
	    x, error, "%s", x->upstream->why ? x->upstream->why : "no memory");
}

static int pass_reply(struct exchange *x, int *ret_code)
{
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};
	int r;

	r = smtp_read_reply(x->upstream, &reply);
	if (r < 0)
		return from_upstream(x, r);
	*ret_code = reply.code;
	x->bytes_out += reply.raw.len;
	return exchange_send(x, &reply.raw);
}

/* What passing one line on leads to: an enum smtp_brackets_end, NEXT_LINE, or -errno. */
#define NEXT_LINE 100

/* Sends `text` in place of the client's line. */
static int send_line(
    struct exchange *x, const struct line *line, const struct secret *text)
{
	int r;

	stream_drop_line(x->client, line);
	x->bytes_in += text->len;
	r = upstream_send(x->upstream, text);
	return r < 0 ? from_upstream(x, r) : 0;
}

/* The texts between NULs, as PLAIN has them (RFC 4616 2). */
static int hide_parts(struct upstream *u, const struct secret *parts)
{
	const char *text = secret_str(parts), *end = text + parts->len;
	int r = 0;

	for (; r == 0 && text < end; text += strlen(text) + 1)
		if (*text)
			r = upstream_hide(u, text);
	return r;
}

/* What a client logs in with is none of the journal's, whoever quotes it. */
static int hide_response(struct exchange *x, const char *text, size_t len)
{
	_cleanup_secret_ struct secret encoded = {0}, decoded = {0};
	int r;

	r = secret_append(&encoded, text, len);
	if (r == 0)
		r = hide_parts(x->upstream, &encoded);
	if (r == 0)
		r = base64_decode(text, len, &decoded);
	if (r == 0)
		r = hide_parts(x->upstream, &decoded);
	return r == -EBADMSG ? 0 : r;
}

/* "AUTH mechanism response" */
static int hide_initial_response(struct exchange *x, const struct line *line)
{
	const char *end = line->text + line->len, *space = end;

	while (space > line->text && space[-1] != ' ')
		space--;
	return is_verb(line, "AUTH") && space < end
		   ? hide_response(x, space, (size_t)(end - space))
		   : 0;
}

static int send_command(struct exchange *x, const struct line *line)
{
	_cleanup_secret_ struct secret command = {0};
	int r;

	if (length_of_verb(line) > 0) /* a transaction, which is past any login */
		x->upstream->reply_timeout_usec = REPLY_USEC;
	r = hide_initial_response(x, line);
	if (r == 0)
		r = smtp_brackets_add(line, &command);
	return r < 0 ? r : send_line(x, line, &command);
}

static int send_response(struct exchange *x, const struct line *line)
{
	_cleanup_secret_ struct secret response = {0};
	int r;

	r = hide_response(x, line->text, line->len);
	if (r == 0)
		r = secret_append(&response, line->text, line->raw_len);
	return r < 0 ? r : send_line(x, line, &response);
}

/* The responses to a challenge go through as they come, up to the one that has another reply. */
static int pass_responses(struct exchange *x, int *code)
{
	struct line line;
	int r = 0;

	while (r == 0 && *code == 334) {
		r = exchange_line(x, CLIENT_SASL_MAX, &line);
		if (r == 0)
			return SMTP_BRACKETS_CLIENT_ENDED;
		if (r == -EMSGSIZE)
			return exchange_fail(x, -EOVERFLOW,
			    "the client's response to a challenge is too long");
		r = r < 0 ? r : send_response(x, &line);
		if (r == 0)
			r = pass_reply(x, code);
	}
	return r;
}

static int pass_line(struct exchange *x, const struct line *line)
{
	const char *own = own_answer(x, line);
	bool last = is_verb(line, "DATA") || is_verb(line, "BDAT") ||
		    is_verb(line, "STARTTLS"),
	     quit = is_verb(line, "QUIT");
	int code = 0, r;

	if (own) {
		stream_drop_line(x->client, line);
		r = exchange_reply(x, "%s", own);
		return r < 0 ? r : NEXT_LINE;
	}
	r = send_command(x, line);
	if (r < 0)
		return r;
	if (last)
		return SMTP_BRACKETS_RELAY;
	r = pass_reply(x, &code);
	if (r == 0)
		r = pass_responses(x, &code);
	if (r != 0)
		return r;
	if (code == 354) /* however DATA was spelt, a message comes */
		return SMTP_BRACKETS_RELAY;
	if (code == 421)
		return exchange_fail(
		    x, -ESHUTDOWN, "the server closed the session (421)");
	return quit ? SMTP_BRACKETS_QUIT : NEXT_LINE;
}

/* Whether the client needs no help of ours from here on. */
static bool may_relay(const struct exchange *x, const struct line *line)
{
	return x->access == ACCESS_PASS_THROUGH && smtp_brackets_has(line) &&
	       is_verb(line, "MAIL");
}

/* Only a line that carries a login may be long (RFC 4954 4). */
static int next_line(struct exchange *x, struct line *line)
{
	int r = exchange_line(x, CLIENT_LINE_MAX, line);

	if (r == -EMSGSIZE && x->access == ACCESS_PASS_THROUGH &&
	    strncasecmp(secret_str(&x->client->input), "AUTH ", 5) == 0)
		r = exchange_line(x, CLIENT_SASL_MAX, line);
	return r;
}

static int refuse_long_line(struct exchange *x)
{
	int r;

	r = exchange_skip_line(x, NULL);
	if (r == 0)
		r = exchange_reply(x, "500 5.5.2 The line is too long\r\n");
	if (r == 0)
		r = exchange_count_error(x);
	return r < 0 ? r : NEXT_LINE;
}

int smtp_brackets_run(struct exchange *x)
{
	struct line line;
	int r = NEXT_LINE;

	x->upstream->login_deadline = DEADLINE_NEVER;
	while (r == NEXT_LINE) {
		r = next_line(x, &line);
		if (r == -EMSGSIZE) {
			r = refuse_long_line(x);
			continue;
		}
		if (r == 0)
			return SMTP_BRACKETS_CLIENT_ENDED;
		if (r > 0 && may_relay(x, &line))
			return SMTP_BRACKETS_RELAY;
		if (r > 0)
			r = pass_line(x, &line);
	}
	return r;
}
