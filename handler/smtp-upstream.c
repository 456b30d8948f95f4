/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP towards the mail server: replies, EHLO's keywords, STARTTLS, AUTH. Syntax only. */

#include "smtp.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "sasl-mechanism.h"

void smtp_reply_done(struct smtp_reply *r)
{
	secret_done(&r->text);
	secret_done(&r->raw);
}

static int parse_code(const struct line *line)
{
	int code = 0;

	if (line->len < 3)
		return -EPROTO;
	for (size_t i = 0; i < 3; i++) {
		if (line->text[i] < '0' || line->text[i] > '9')
			return -EPROTO;
		code = code * 10 + (line->text[i] - '0');
	}
	if (code < 200 || code > 599)
		return -EPROTO;
	if (line->len > 3 && line->text[3] != ' ' && line->text[3] != '-')
		return -EPROTO;
	return code;
}

static int append_reply_line(
    struct smtp_reply *reply, const struct line *line, bool first)
{
	int r = 0;

	if (!first)
		r = secret_append(&reply->text, "\n", 1);
	if (r == 0 && line->len > 4)
		r = secret_append(&reply->text, line->text + 4, line->len - 4);
	return r < 0 ? r : secret_append(&reply->raw, line->text, line->raw_len);
}

int smtp_read_reply(struct upstream *u, struct smtp_reply *ret)
{
	struct line line;
	bool more = true;
	int r;

	for (unsigned n = 0; more; n++) {
		if (n == SMTP_REPLY_LINES_MAX)
			return upstream_fail(
			    u, -EPROTO, "the server's reply does not end");
		r = upstream_line(u, SMTP_REPLY_LINE_MAX, &line);
		if (r < 0)
			return r;
		r = parse_code(&line);
		if (r < 0 || (n > 0 && r != ret->code))
			return upstream_fail_quoting(u, -EPROTO,
			    "the server sent no SMTP reply", line.text, line.len);
		ret->code = r;
		more = line.len > 3 && line.text[3] == '-';
		r = append_reply_line(ret, &line, n == 0);
		if (r < 0)
			return r;
		upstream_drop_line(u, &line);
	}
	return 0;
}

/* Notes an unwanted reply in full and returns `error`. */
static int refuse_reply(
    struct upstream *u, int error, const char *what, const struct smtp_reply *reply)
{
	_cleanup_secret_ struct secret text = {0};

	if (secret_printf(&text, "%d %s", reply->code, secret_str(&reply->text)) < 0)
		return error;
	return upstream_fail_quoting(u, error, what, secret_str(&text), text.len);
}

static int command(struct upstream *u, const char *text, struct smtp_reply *reply)
{
	int r;

	r = upstream_send_text(u, text);
	return r < 0 ? r : smtp_read_reply(u, reply);
}

int smtp_greeting(struct upstream *u)
{
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};
	int r;

	r = smtp_read_reply(u, &reply);
	if (r < 0)
		return r;
	if (reply.code != 220)
		return refuse_reply(u, -EBUSY, "the server refuses service", &reply);
	return secret_append(&u->greeting, reply.raw.data, reply.raw.len);
}

/* "AUTH XOAUTH2 PLAIN", and the "AUTH=PLAIN" of servers older than RFC 4954. */
static void note_mechanisms(struct capabilities *c, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		c->mechanisms |= sasl_mechanism_bit(list, n);
		list += n;
		list += strspn(list, " ");
	}
}

static void note_keyword(struct capabilities *c, const char *line)
{
	if (strcasecmp(line, "STARTTLS") == 0)
		c->starttls = true;
	else if (strncasecmp(line, "AUTH ", 5) == 0 || strncasecmp(line, "AUTH=", 5) == 0)
		note_mechanisms(c, line + 5);
}

/* The first line of an EHLO reply is the server's name, the others are keywords (4.1.1.1). */
static int note_capabilities(struct upstream *u, struct smtp_reply *reply)
{
	struct capabilities *c = &u->capabilities;
	char *rest = reply->text.data;
	int r;

	(void)strsep(&rest, "\n"); /* the greeting */
	while (rest) {
		const char *line = strsep(&rest, "\n");

		note_keyword(c, line);
		r = upstream_note_word(u, line, strlen(line));
		if (r < 0)
			return r;
	}
	c->known = true;
	return 0;
}

int smtp_capabilities(struct upstream *u)
{
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};
	_cleanup_secret_ struct secret ehlo = {0};
	int r;

	if (u->capabilities.known)
		return 0;
	r = secret_printf(&ehlo, "EHLO %s\r\n", u->our_name);
	if (r == 0)
		r = command(u, secret_str(&ehlo), &reply);
	if (r < 0)
		return r;
	if (reply.code != 250)
		return refuse_reply(u, reply.code < 500 ? -EBUSY : -EPROTO,
		    "the server does not accept EHLO", &reply);
	return note_capabilities(u, &reply);
}

int smtp_starttls(struct upstream *u)
{
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};
	int r;

	r = command(u, "STARTTLS\r\n", &reply);
	if (r < 0)
		return r;
	if (reply.code != 220)
		return refuse_reply(
		    u, -EBUSY, "the server offered STARTTLS and refuses it", &reply);
	return 0;
}

bool smtp_takes_initial(
    _unused_ const struct upstream *u, const char *mechanism, size_t len)
{
	/* an empty response is written "=" */
	return strlen("AUTH ") + strlen(mechanism) + 1 + MAX_OF(len, (size_t)1) + 2 <=
	       SMTP_COMMAND_MAX;
}

/* What the server says to AUTH or to an answer. */
static int auth_outcome(struct upstream *u, struct secret *challenge)
{
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};
	int r;

	r = smtp_read_reply(u, &reply);
	if (r < 0)
		return r;
	if (reply.code == 235)
		return 0;
	if (reply.code == 334) {
		r = secret_append(challenge, secret_str(&reply.text), reply.text.len);
		return r < 0 ? r : 1;
	}
	if (reply.code < 400)
		return refuse_reply(u, -EPROTO, "unexpected reply to AUTH", &reply);
	if (reply.code < 500)
		return refuse_reply(u, -EBUSY, "the server cannot log us in now", &reply);
	u->credentials_refused = reply.code == 535;
	return refuse_reply(u, -EACCES, "the server refused the login", &reply);
}

int smtp_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge)
{
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_concat(&line, "AUTH ", mechanism, initial ? " " : "",
	    initial ? (*initial ? initial : "=") : "", "\r\n", NULL);
	if (r == 0)
		r = upstream_send(u, &line);
	return r < 0 ? r : auth_outcome(u, challenge);
}

int smtp_answer(struct upstream *u, const char *encoded, struct secret *challenge)
{
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_concat(&line, encoded, "\r\n", NULL);
	if (r == 0)
		r = upstream_send(u, &line);
	return r < 0 ? r : auth_outcome(u, challenge);
}

int smtp_goodbye(struct upstream *u)
{
	_cleanup_smtp_reply_ struct smtp_reply reply = {0};

	return command(u, "QUIT\r\n", &reply);
}
