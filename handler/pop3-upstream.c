/* SPDX-License-Identifier: Apache-2.0 */
/* POP3 towards the mail server: replies, CAPA, STLS, AUTH in two lines, USER and PASS. */

#include "pop3.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "sasl-mechanism.h"

/* A reply of one line; what follows that of CAPA is read apart. */
struct pop3_reply {
	enum pop3_status { POP3_OK, POP3_ERR, POP3_CONTINUE } status;
	struct secret text; /* behind the status */
};

static void reply_done(struct pop3_reply *r)
{
	secret_done(&r->text);
}
#define _cleanup_reply_ _cleanup_(reply_done)

static int parse_status(const struct line *line, struct pop3_reply *ret)
{
	static const char *const names[] = {
	    [POP3_OK] = "+OK", [POP3_ERR] = "-ERR", [POP3_CONTINUE] = "+"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		size_t n = strlen(names[i]);

		if (line->len < n || strncasecmp(line->text, names[i], n) != 0 ||
		    (line->len > n && line->text[n] != ' '))
			continue;
		ret->status = (enum pop3_status)i;
		n = MIN_OF(n + 1, line->len);
		return secret_append(&ret->text, line->text + n, line->len - n);
	}
	return -EPROTO;
}

static int read_reply(struct upstream *u, struct pop3_reply *ret)
{
	struct line line;
	int r;

	r = upstream_line(u, POP3_LINE_MAX, &line);
	if (r < 0)
		return r;
	r = parse_status(&line, ret);
	if (r == -EPROTO)
		return upstream_fail_quoting(
		    u, r, "the server sent no POP3 reply", line.text, line.len);
	upstream_drop_line(u, &line);
	return r;
}

static int send_line(struct upstream *u, const char *text)
{
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_concat(&line, text, "\r\n", NULL);
	return r < 0 ? r : upstream_send(u, &line);
}

static int command(struct upstream *u, const char *text, struct pop3_reply *ret)
{
	int r;

	r = send_line(u, text);
	return r < 0 ? r : read_reply(u, ret);
}

static int refuse_reply(
    struct upstream *u, int error, const char *what, const struct pop3_reply *reply)
{
	return upstream_fail_quoting(
	    u, error, what, secret_str(&reply->text), reply->text.len);
}

/* Whether a text begins with this response code, or with one below it (RFC 2449 8). */
static bool has_code(const struct pop3_reply *reply, const char *code)
{
	const char *text = secret_str(&reply->text);
	size_t n = strlen(code);

	return *text == '[' && strncasecmp(text + 1, code, n) == 0 &&
	       (text[n + 1] == ']' || text[n + 1] == '/');
}

/* The codes of a failure that is not the credentials' (RFC 2449 8.1, RFC 3206 4). */
static bool is_temporary(const struct pop3_reply *reply)
{
	static const char *const codes[] = {"IN-USE", "LOGIN-DELAY", "SYS"};

	for (size_t i = 0; i < ELEMENTSOF(codes); i++)
		if (has_code(reply, codes[i]))
			return true;
	return false;
}

int pop3_greeting(struct upstream *u)
{
	_cleanup_reply_ struct pop3_reply reply = {0};
	struct line line;
	int r;

	r = upstream_line(u, POP3_LINE_MAX, &line);
	if (r < 0)
		return r;
	r = parse_status(&line, &reply);
	if (r == -EPROTO || (r == 0 && reply.status == POP3_CONTINUE))
		return upstream_fail_quoting(
		    u, -EPROTO, "the server sent no POP3 greeting", line.text, line.len);
	if (r == 0)
		r = secret_append(&u->greeting, line.text, line.raw_len);
	upstream_drop_line(u, &line);
	if (r == 0 && reply.status == POP3_ERR)
		return refuse_reply(u, -EBUSY, "the server refuses service", &reply);
	return r;
}

/* Whether a line of a list begins with a keyword. */
static bool is_keyword(const char *line, size_t len, const char *keyword)
{
	size_t n = strlen(keyword);

	return len >= n && strncasecmp(line, keyword, n) == 0 &&
	       (len == n || line[n] == ' ');
}

/* "SASL XOAUTH2 PLAIN" */
static void note_mechanisms(struct capabilities *c, const char *list, size_t len)
{
	const char *end = list + len;

	while (list < end) {
		size_t n = 0;

		while (list + n < end && list[n] != ' ')
			n++;
		c->mechanisms |= sasl_mechanism_bit(list, n);
		list += n;
		while (list < end && *list == ' ')
			list++;
	}
}

static int note_keyword(struct upstream *u, const char *line, size_t len)
{
	struct capabilities *c = &u->capabilities;

	if (is_keyword(line, len, "STLS"))
		c->starttls = true;
	else if (is_keyword(line, len, "USER"))
		c->login_disabled = false;
	else if (is_keyword(line, len, "SASL") && len > strlen("SASL "))
		note_mechanisms(c, line + strlen("SASL "), len - strlen("SASL "));
	return upstream_note_word(u, line, len);
}

/* The lines behind the "+OK" of CAPA up to ".", dots undone (RFC 1939 3). */
static int read_list(struct upstream *u)
{
	struct line line;
	bool end = false;
	int r = 0;

	for (unsigned n = 0; r == 0 && !end; n++) {
		if (n == POP3_LINES_MAX)
			return upstream_fail(
			    u, -EPROTO, "the server's reply does not end");
		r = upstream_line(u, POP3_LINE_MAX, &line);
		if (r < 0)
			return r;
		end = line.len == 1 && line.text[0] == '.';
		if (!end) {
			size_t dot = line.len > 0 && line.text[0] == '.';

			r = note_keyword(u, line.text + dot, line.len - dot);
		}
		upstream_drop_line(u, &line);
	}
	return r;
}

/*
 * A server that knows no CAPA (RFC 1939 alone) has USER and PASS, and nothing that could be
 * relied on besides; one that lists what it can do lists these two as well.
 */
int pop3_capabilities(struct upstream *u)
{
	_cleanup_reply_ struct pop3_reply reply = {0};
	int r;

	if (u->capabilities.known)
		return 0;
	r = command(u, "CAPA", &reply);
	if (r < 0)
		return r;
	if (reply.status == POP3_CONTINUE)
		return refuse_reply(
		    u, -EPROTO, "the server did not understand CAPA", &reply);
	if (reply.status == POP3_ERR && is_temporary(&reply))
		return refuse_reply(
		    u, -EBUSY, "the server does not list its capabilities", &reply);
	u->capabilities.login_disabled = reply.status == POP3_OK;
	if (reply.status == POP3_OK)
		r = read_list(u);
	u->capabilities.known = r == 0;
	return r;
}

int pop3_starttls(struct upstream *u)
{
	_cleanup_reply_ struct pop3_reply reply = {0};
	int r;

	r = command(u, "STLS", &reply);
	if (r < 0)
		return r;
	if (reply.status != POP3_OK)
		return refuse_reply(
		    u, -EBUSY, "the server offered STLS and refuses it", &reply);
	return 0;
}

/* Some servers take AUTH in two lines only, as RFC 1734 had it; all of them take these. */
bool pop3_takes_initial(_unused_ const struct upstream *u, _unused_ const char *mechanism,
    _unused_ size_t len)
{
	return false;
}

static bool is_listed(const struct capabilities *c, const char *keyword)
{
	const char *rest = secret_str(&c->words);

	while (*rest) {
		size_t n = strcspn(rest, "\n");

		if (is_keyword(rest, n, keyword))
			return true;
		rest += n + (rest[n] == '\n');
	}
	return false;
}

/*
 * A server that marks refused credentials as such does so always (RFC 3206 6); of another
 * one any refusal without a code for something else is taken for one.
 */
static int refuse_login(struct upstream *u, const struct pop3_reply *reply)
{
	if (is_temporary(reply))
		return refuse_reply(u, -EBUSY, "the server cannot log us in now", reply);
	u->credentials_refused =
	    has_code(reply, "AUTH") || !is_listed(&u->capabilities, "AUTH-RESP-CODE");
	return refuse_reply(u, -EACCES, "the server refused the login", reply);
}

/* What the server says to AUTH or to an answer. */
static int login_outcome(
    struct upstream *u, const struct pop3_reply *reply, struct secret *challenge)
{
	int r;

	switch (reply->status) {
	case POP3_OK:
		return 0;
	case POP3_ERR:
		return refuse_login(u, reply);
	case POP3_CONTINUE:
		break;
	}
	if (!challenge)
		return refuse_reply(
		    u, -EPROTO, "the server did not understand the login", reply);
	r = secret_append(challenge, secret_str(&reply->text), reply->text.len);
	return r < 0 ? r : 1;
}

int pop3_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge)
{
	_cleanup_reply_ struct pop3_reply reply = {0};
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_concat(&text, "AUTH ", mechanism, initial ? " " : "",
	    initial ? (*initial ? initial : "=") : "", NULL);
	if (r == 0)
		r = command(u, secret_str(&text), &reply);
	return r < 0 ? r : login_outcome(u, &reply, challenge);
}

int pop3_answer(struct upstream *u, const char *encoded, struct secret *challenge)
{
	_cleanup_reply_ struct pop3_reply reply = {0};
	int r;

	r = command(u, encoded, &reply);
	return r < 0 ? r : login_outcome(u, &reply, challenge);
}

int pop3_login(struct upstream *u, const char *user, const char *password)
{
	const struct {
		const char *verb, *argument;
	} lines[] = {{"USER ", user}, {"PASS ", password}};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(lines) && r == 0; i++) {
		_cleanup_reply_ struct pop3_reply reply = {0};
		_cleanup_secret_ struct secret text = {0};

		r = secret_concat(&text, lines[i].verb, lines[i].argument, NULL);
		if (r == 0)
			r = command(u, secret_str(&text), &reply);
		if (r == 0)
			r = login_outcome(u, &reply, NULL);
	}
	return r;
}

int pop3_goodbye(struct upstream *u)
{
	_cleanup_reply_ struct pop3_reply reply = {0};

	return command(u, "QUIT", &reply);
}
