/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP towards the mail server: responses, capabilities, STARTTLS, AUTHENTICATE and LOGIN. */

#include "imap.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "sasl.h"

/* Our tags; a server that answers another one has lost the thread, or is not answering us. */
#define TAG_FORMAT "m%u"

/* The tagged response to a command, or a continuation request. */
struct imap_response {
	enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_CONTINUE } status;
	struct secret text; /* behind the status, with its [CODE] */
};

static void response_done(struct imap_response *r)
{
	secret_done(&r->text);
}
#define _cleanup_response_ _cleanup_(response_done)

static bool has_word(const struct line *line, size_t at, const char *word)
{
	size_t n = strlen(word);

	return line->len >= at + n && strncasecmp(line->text + at, word, n) == 0 &&
	       (line->len == at + n || line->text[at + n] == ' ');
}

bool imap_is_status(const struct line *line)
{
	static const char *const names[] = {"BAD", "BYE", "NO", "OK", "PREAUTH"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (line->len >= 2 && memcmp(line->text, "* ", 2) == 0 &&
		    has_word(line, 2, names[i]))
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
		r = n == 0 ? 0
			   : secret_printf(&c->words, "%s%.*s", c->words.len ? "\n" : "",
				 (int)n, text);
		if (r < 0)
			return r;
		text += n;
		while (text < end && *text == ' ')
			text++;
	}
	c->known = true;
	return 0;
}

/* "[CAPABILITY ...]" in a response's text */
static int note_code(struct upstream *u, const char *text, size_t len)
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
		return note_code(u, line->text + 5, line->len > 5 ? line->len - 5 : 0);
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

static int read_response(struct upstream *u, struct imap_response *ret)
{
	_cleanup_secret_ struct secret tag = {0};
	struct line line;
	int r;

	r = secret_printf(&tag, TAG_FORMAT, u->tag);
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

/* Sends "<tag> <command>" and waits for what ends it. */
static int command(struct upstream *u, const char *text, struct imap_response *ret)
{
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_printf(&line, TAG_FORMAT " ", ++u->tag);
	if (r == 0)
		r = secret_concat(&line, text, "\r\n", NULL);
	if (r == 0)
		r = upstream_send(u, &line);
	return r < 0 ? r : read_response(u, ret);
}

static int refuse_response(
    struct upstream *u, int error, const char *what, const struct imap_response *response)
{
	return upstream_fail_quoting(
	    u, error, what, secret_str(&response->text), response->text.len);
}

int imap_greeting(struct upstream *u)
{
	struct line line;
	bool is_preauth;
	int r;

	r = upstream_line(u, IMAP_LINE_MAX, &line);
	if (r < 0)
		return r;
	is_preauth = line.len >= 2 && memcmp(line.text, "* ", 2) == 0 &&
		     has_word(&line, 2, "PREAUTH");
	if (line.len >= 2 && memcmp(line.text, "* ", 2) == 0 && has_word(&line, 2, "OK"))
		r = note_code(u, line.text + 5, line.len > 5 ? line.len - 5 : 0);
	else if (line.len >= 2 && memcmp(line.text, "* ", 2) == 0 &&
		 has_word(&line, 2, "BYE"))
		return upstream_fail_quoting(
		    u, -EBUSY, "the server refuses service", line.text, line.len);
	else if (is_preauth && u->passes_through && !u->starttls_ahead)
		r = note_code(u, line.text + 10, line.len > 10 ? line.len - 10 : 0);
	else if (is_preauth)
		return upstream_fail_quoting(u, -EPROTO,
		    "the server claims that we are logged in before we are", line.text,
		    line.len);
	else
		return upstream_fail_quoting(
		    u, -EPROTO, "the server sent no IMAP greeting", line.text, line.len);
	if (r == 0)
		r = secret_append(&u->greeting, line.text, line.raw_len);
	upstream_drop_line(u, &line);
	return r;
}

int imap_capabilities(struct upstream *u)
{
	_cleanup_response_ struct imap_response response = {0};
	int r;

	if (u->capabilities.known)
		return 0;
	r = command(u, "CAPABILITY", &response);
	if (r < 0)
		return r;
	/* Exchange says "User is authenticated but not connected" when a mailbox is out of reach */
	if (response.status != IMAP_OK)
		return refuse_response(
		    u, -EBUSY, "the server does not list its capabilities", &response);
	if (!u->capabilities.known)
		return upstream_fail(u, -EPROTO, "the server listed no capabilities");
	return 0;
}

int imap_starttls(struct upstream *u)
{
	_cleanup_response_ struct imap_response response = {0};
	int r;

	r = command(u, "STARTTLS", &response);
	if (r < 0)
		return r;
	if (response.status != IMAP_OK)
		return refuse_response(
		    u, -EBUSY, "the server offered STARTTLS and refuses it", &response);
	return 0;
}

bool imap_takes_initial(
    const struct upstream *u, _unused_ const char *mechanism, _unused_ size_t len)
{
	return u->capabilities.initial_response;
}

/* RFC 5530's codes for a failure that is not the credentials'. */
static bool is_temporary(const struct imap_response *response)
{
	static const char *const codes[] = {
	    "[CONTACTADMIN]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[UNAVAILABLE]"};

	for (size_t i = 0; i < ELEMENTSOF(codes); i++)
		if (strncasecmp(
			secret_str(&response->text), codes[i], strlen(codes[i])) == 0)
			return true;
	return false;
}

/* What the end of a login, or its next challenge, means. */
static int login_outcome(
    struct upstream *u, const struct imap_response *response, struct secret *challenge)
{
	int r;

	switch (response->status) {
	case IMAP_CONTINUE:
		if (!challenge)
			break;
		r = secret_append(
		    challenge, secret_str(&response->text), response->text.len);
		return r < 0 ? r : 1;
	case IMAP_OK:
		return note_code(u, secret_str(&response->text), response->text.len);
	case IMAP_NO:
		if (is_temporary(response))
			return refuse_response(
			    u, -EBUSY, "the server cannot log us in now", response);
		u->credentials_refused = true;
		return refuse_response(
		    u, -EACCES, "the server refused the login", response);
	case IMAP_BAD:
		break;
	}
	return refuse_response(
	    u, -EPROTO, "the server did not understand the login", response);
}

int imap_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge)
{
	_cleanup_response_ struct imap_response response = {0};
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_concat(&text, "AUTHENTICATE ", mechanism, initial ? " " : "",
	    initial ? (*initial ? initial : "=") : "", NULL);
	upstream_forget_capabilities(u); /* what held before a login does not after it */
	if (r == 0)
		r = command(u, secret_str(&text), &response);
	return r < 0 ? r : login_outcome(u, &response, challenge);
}

int imap_answer(struct upstream *u, const char *encoded, struct secret *challenge)
{
	_cleanup_response_ struct imap_response response = {0};
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_concat(&line, encoded, "\r\n", NULL);
	upstream_forget_capabilities(u); /* what held before a login does not after it */
	if (r == 0)
		r = upstream_send(u, &line);
	if (r == 0)
		r = read_response(u, &response);
	return r < 0 ? r : login_outcome(u, &response, challenge);
}

/* quoted, RFC 9051 9; control characters are refused when the destination is read */
static int append_quoted(struct secret *out, const char *text)
{
	int r;

	r = secret_append(out, "\"", 1);
	for (; *text && r == 0; text++) {
		if (*text == '"' || *text == '\\')
			r = secret_append(out, "\\", 1);
		if (r == 0)
			r = secret_append(out, text, 1);
	}
	return r < 0 ? r : secret_append(out, "\"", 1);
}

int imap_login(struct upstream *u, const char *user, const char *password)
{
	_cleanup_response_ struct imap_response response = {0};
	_cleanup_secret_ struct secret text = {0};
	size_t secret; /* where the password begins, as it is written */
	int r;

	r = secret_puts(&text, "LOGIN ");
	if (r == 0)
		r = append_quoted(&text, user);
	if (r == 0)
		r = secret_append(&text, " ", 1);
	secret = text.len;
	if (r == 0)
		r = append_quoted(&text, password);
	if (r == 0)
		r = upstream_hide(u, secret_str(&text) + secret);
	upstream_forget_capabilities(u); /* what held before a login does not after it */
	if (r == 0)
		r = command(u, secret_str(&text), &response);
	return r < 0 ? r : login_outcome(u, &response, NULL);
}

int imap_goodbye(struct upstream *u)
{
	_cleanup_response_ struct imap_response response = {0};
	int r;

	r = command(u, "LOGOUT", &response);
	return r == -EBUSY ? 0 : r; /* its BYE */
}
