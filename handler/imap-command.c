/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and taking apart a client's command; the grammar's names are those of RFC 9051
 * section 9. */

#include "imap-command.h"

#include <errno.h>
#include <string.h>

#include "imap.h"

void imap_command_done(struct imap_command *c)
{
	secret_done(&c->text);
}

/* ATOM-CHAR or resp-specials: what may stand in an unquoted string */
static bool is_astring_char(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("(){%*\"\\", c);
}

static bool is_tag_char(char c)
{
	return is_astring_char(c) && c != '+';
}

bool imap_command_parse(const char *text, size_t len, struct imap_command *c)
{
	size_t at = 0;

	c->tag_len = c->name_len = 0;
	while (at < len && is_tag_char(text[at]))
		at++;
	if (at == 0 || at == len || text[at] != ' ')
		return false;
	c->tag_len = at;
	c->name_at = ++at;
	while (at < len && is_astring_char(text[at]))
		at++;
	if (at == c->name_at || (at < len && text[at] != ' '))
		return false;
	c->name_len = at - c->name_at;
	c->at = at;
	return true;
}

/* A literal that is refused: one that waits for us is not asked for, another cannot be avoided. */
static int refuse_literal(struct exchange *x, bool plus)
{
	if (!plus)
		return 0;
	return exchange_fail(x, -EOVERFLOW, "the client sent a literal that is too long");
}

int imap_command_skip_line(struct exchange *x)
{
	_cleanup_secret_ struct secret tail = {0};
	uint64_t ignored;
	bool plus;
	int r;

	r = exchange_skip_line(x, &tail);
	if (r < 0 ||
	    !imap_announces_literal(secret_str(&tail), tail.len, &ignored, &plus))
		return r;
	return refuse_literal(x, plus);
}

/* Keeps the start of the line, which has the tag that the answer needs. */
static int skip_long_line(struct exchange *x, struct imap_command *c)
{
	const struct secret *input = &x->client->input;
	int r;

	r = secret_append(&c->text, input->data, MIN_OF(input->len, CLIENT_LINE_MAX));
	if (r == 0)
		r = imap_command_skip_line(x);
	return r < 0 ? r : IMAP_COMMAND_TOO_LONG;
}

/* Reads `len` bytes of a literal behind what has been read, asking for them if need be. */
static int read_literal(struct exchange *x, struct imap_command *c, size_t len, bool plus)
{
	int r;

	if (!plus) {
		r = exchange_reply(x, "+ OK\r\n");
		if (r < 0)
			return r;
	}
	r = exchange_bytes(x, len);
	if (r <= 0)
		return r < 0 ? r : IMAP_COMMAND_ENDED;
	r = secret_append(&c->text, "\r\n", 2);
	if (r == 0)
		r = secret_append(&c->text, x->client->input.data, len);
	secret_consume(&x->client->input, len);
	return r < 0 ? r : IMAP_COMMAND_READ;
}

int imap_command_read(struct exchange *x, struct imap_command *c)
{
	struct line line;
	uint64_t literal;
	bool plus, more = true;
	int r;

	while (more) {
		r = exchange_line(x, CLIENT_SASL_MAX, &line);
		if (r == -EMSGSIZE)
			return skip_long_line(x, c);
		if (r <= 0)
			return r < 0 ? r : IMAP_COMMAND_ENDED;
		r = secret_append(&c->text, line.text, line.len);
		more = imap_announces_literal(line.text, line.len, &literal, &plus);
		stream_drop_line(x->client, &line);
		if (r < 0)
			return r;
		if (c->text.len > CLIENT_SASL_MAX ||
		    (more && literal > CLIENT_SASL_MAX - c->text.len)) {
			r = more ? refuse_literal(x, plus) : 0;
			return r < 0 ? r : IMAP_COMMAND_TOO_LONG;
		}
		if (!more)
			break;
		r = read_literal(x, c, (size_t)literal, plus);
		if (r != IMAP_COMMAND_READ)
			return r;
	}
	return IMAP_COMMAND_READ;
}

static int take_quoted(struct imap_command *c, struct secret *ret)
{
	const char *text = secret_str(&c->text);
	int r;

	for (c->at++; c->at < c->text.len && text[c->at] != '"'; c->at++) {
		if (text[c->at] == '\\') {
			c->at++;
			if (text[c->at] != '"' && text[c->at] != '\\')
				return -EBADMSG;
		}
		r = secret_append(ret, text + c->at, 1);
		if (r < 0)
			return r;
	}
	if (c->at == c->text.len)
		return -EBADMSG;
	c->at++;
	return 0;
}

/* literal = "{" number ["+"] "}" CRLF *CHAR8 */
static int take_literal(struct imap_command *c, struct secret *ret)
{
	const char *text = secret_str(&c->text) + c->at;
	size_t head = 1 + strspn(text + 1, "0123456789");
	uint64_t len;
	bool plus;
	int r;

	head += strspn(text + head, "+-");
	if (strncmp(text + head, "}\r\n", 3) != 0 ||
	    !imap_announces_literal(text, head + 1, &len, &plus))
		return -EBADMSG;
	c->at += head + 3;
	if (len > c->text.len - c->at)
		return -EBADMSG;
	r = secret_append(ret, secret_str(&c->text) + c->at, (size_t)len);
	c->at += (size_t)len;
	return r;
}

int imap_command_take_astring(struct imap_command *c, struct secret *ret)
{
	const char *text = secret_str(&c->text);
	size_t from;

	if (c->at >= c->text.len || text[c->at] != ' ')
		return -EBADMSG;
	c->at++;
	if (text[c->at] == '"')
		return take_quoted(c, ret);
	if (text[c->at] == '{')
		return take_literal(c, ret);
	from = c->at;
	while (c->at < c->text.len && is_astring_char(text[c->at]))
		c->at++;
	if (c->at == from)
		return -EBADMSG;
	return secret_append(ret, text + from, c->at - from);
}

bool imap_command_is_at_end(const struct imap_command *c)
{
	return c->at == c->text.len;
}
