/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines are taken as they come: untagged ones may bring capabilities or a BYE, and any
 * number of literals; a tagged one and a continuation end the wait. All of it is bounded.
 */

#include "imap-response.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "sasl-mechanism.h"

void imap_response_done(struct imap_response *r)
{
	secret_done(&r->text);
}

static bool has_word(const struct line *line, size_t at, const char *word)
{
	size_t n = strlen(word);

	return line->len >= at + n && strncasecmp(line->text + at, word, n) == 0 &&
	       (line->len == at + n || line->text[at + n] == ' ');
}

bool imap_is_untagged(const struct line *line, const char *word)
{
	return line->len >= 2 && memcmp(line->text, "* ", 2) == 0 &&
	       has_word(line, 2, word);
}

bool imap_is_status(const struct line *line)
{
	static const char *const names[] = {"BAD", "BYE", "NO", "OK", "PREAUTH"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (imap_is_untagged(line, names[i]))
			return true;
	return false;
}

static void note_capability(struct capabilities *c, const char *atom, size_t n)
{
	if (n == strlen("STARTTLS") && strncasecmp(atom, "STARTTLS", n) == 0)
		c->starttls = true;
	else if (n == strlen("SASL-IR") && strncasecmp(atom, "SASL-IR", n) == 0)
		c->initial_response = true;
	else if (n == strlen("LOGINDISABLED") &&
		 strncasecmp(atom, "LOGINDISABLED", n) == 0)
		c->login_disabled = true;
	else if (n > 5 && strncasecmp(atom, "AUTH=", 5) == 0)
		c->mechanisms |= sasl_mechanism_bit(atom + 5, n - 5);
}

/* A list of atoms up to `len` or "]" replaces whatever was known (RFC 9051 7.2.2). */
static int note_capabilities(struct upstream *u, const char *text, size_t len)
{
	struct capabilities *c = &u->capabilities;
	const char *end = text + len;
	int r;

	upstream_forget_capabilities(u);
	while (text < end && *text != ']') {
		size_t n = 0;

		while (text + n < end && text[n] != ' ' && text[n] != ']')
			n++;
		note_capability(c, text, n);
		r = upstream_note_word(u, text, n);
		if (r < 0)
			return r;
		text += n;
		while (text < end && *text == ' ')
			text++;
	}
	c->known = true;
	return 0;
}

int imap_note_code(struct upstream *u, const char *text, size_t len)
{
	static const char code[] = "[CAPABILITY ";
	size_t n = strlen(code);

	if (len < n || strncasecmp(text, code, n) != 0)
		return 0;
	return note_capabilities(u, text + n, len - n);
}

bool imap_announces_literal(
    const char *text, size_t len, uint64_t *ret_len, bool *ret_plus)
{
	size_t digits = 0;
	uint64_t value = 0, unit = 1;
	bool plus;

	if (len < 3 || text[len - 1] != '}')
		return false;
	len--;
	plus = text[len - 1] == '+' || text[len - 1] == '-';
	if (plus)
		len--;
	while (len > 0 && text[len - 1] >= '0' && text[len - 1] <= '9' && digits < 18) {
		value += unit * (uint64_t)(text[len - 1] - '0');
		unit *= 10;
		digits++;
		len--;
	}
	if (digits == 0 || len == 0 || text[len - 1] != '{')
		return false;
	*ret_len = value;
	*ret_plus = plus;
	return true;
}

/* Skips the literals of an untagged response that is of no interest, to its last line. */
static int skip_literals(struct upstream *u, struct line *line)
{
	uint64_t len;
	bool plus;
	int r;

	for (unsigned n = 0; imap_announces_literal(line->text, line->len, &len, &plus);
	     n++) {
		if (n == IMAP_LINES_MAX || len > IMAP_LITERAL_MAX)
			return upstream_fail(
			    u, -EPROTO, "the server's response does not end");
		upstream_drop_line(u, line);
		while (u->stream.input.len < len) {
			r = stream_fill(&u->stream, upstream_reply_deadline(u));
			if (r == 0)
				r = -ECONNRESET;
			if (r < 0)
				return upstream_fail_stream(u, r);
		}
		secret_consume(&u->stream.input, len);
		r = upstream_line(u, IMAP_LINE_MAX, line);
		if (r < 0)
			return r;
	}
	return 0;
}

static int untagged(struct upstream *u, struct line *line)
{
	static const char capability[] = "* CAPABILITY ";
	size_t n = strlen(capability);

	if (line->len > n && strncasecmp(line->text, capability, n) == 0)
		return note_capabilities(u, line->text + n, line->len - n);
	if (has_word(line, 2, "BYE"))
		return upstream_fail_quoting(
		    u, -EBUSY, "the server says goodbye", line->text, line->len);
	if (u->starttls_ahead)
		return upstream_fail_quoting(u, -EPROTO,
		    "the server sent data before TLS: an injection, or broken",
		    line->text, line->len);
	if (has_word(line, 2, "OK"))
		return imap_note_code(
		    u, line->text + 5, line->len > 5 ? line->len - 5 : 0);
	return imap_is_status(line) ? 0 : skip_literals(u, line);
}

static int parse_tagged(struct upstream *u, const struct line *line, size_t tag_len,
    struct imap_response *ret)
{
	static const char *const names[] = {
	    [IMAP_OK] = "OK", [IMAP_NO] = "NO", [IMAP_BAD] = "BAD"};
	size_t at = tag_len + 1;

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		if (!has_word(line, at, names[i]))
			continue;
		ret->status = (enum imap_status)i;
		at += strlen(names[i]) + 1;
		return at < line->len
			   ? secret_append(&ret->text, line->text + at, line->len - at)
			   : 0;
	}
	return upstream_fail_quoting(
	    u, -EPROTO, "the server sent no IMAP response", line->text, line->len);
}

/* One line of the server: 1 if it ends the wait, 0 to go on, or -errno. */
static int handle_line(
    struct upstream *u, struct line *line, const char *tag, struct imap_response *ret)
{
	size_t n = strlen(tag);
	int r;

	if (line->len >= 2 && line->text[0] == '*' && line->text[1] == ' ')
		return untagged(u, line);
	if (line->len >= 1 && line->text[0] == '+') {
		size_t skip = line->len >= 2 && line->text[1] == ' ' ? 2 : 1;

		ret->status = IMAP_CONTINUE;
		r = secret_append(&ret->text, line->text + skip, line->len - skip);
		return r < 0 ? r : 1;
	}
	if (line->len > n && strncmp(line->text, tag, n) == 0 && line->text[n] == ' ') {
		r = parse_tagged(u, line, n, ret);
		return r < 0 ? r : 1;
	}
	return upstream_fail_quoting(u, -EPROTO,
	    "the server answered something that was not asked", line->text, line->len);
}

int imap_read_response(struct upstream *u, struct imap_response *ret)
{
	_cleanup_secret_ struct secret tag = {0};
	struct line line;
	int r;

	r = secret_printf(&tag, IMAP_TAG_FORMAT, u->tag);
	for (unsigned n = 0; r == 0; n++) {
		if (n == IMAP_LINES_MAX)
			return upstream_fail(
			    u, -EPROTO, "the server's response does not end");
		r = upstream_line(u, IMAP_LINE_MAX, &line);
		if (r < 0)
			return r;
		r = handle_line(u, &line, secret_str(&tag), ret);
		if (r >= 0)
			upstream_drop_line(u, &line);
	}
	return r < 0 ? r : 0;
}
