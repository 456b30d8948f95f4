/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMTP towards the client: what is ours to answer until MAIL starts the relay. A client's
 * login goes upstream only where we have none to offer; then every line does.
 */

#include "smtp.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client-login.h"
#include "deadline.h"
#include "exchange.h"
#include "line-command.h"
#include "refusal.h"
#include "smtp-brackets.h"

/*
 * A client that was told 554 says QUIT at once (RFC 5321 3.1). One that says something
 * else, or nothing, holds a process that those who may connect cannot have.
 */
#define DISMISS_COMMANDS 4
#define DISMISS_SILENCE_USEC USEC_PER_SEC

const struct protocol protocol_smtp = {
    .name = "SMTP",
    .tls_name = "smtps",
    .idle_usec =
	11 * 60 *
	USEC_PER_SEC, /* the server's 5 min and the client's 10, RFC 5321 4.5.3.2 */
    .drain_usec =
	10 * 60 * USEC_PER_SEC, /* the wait for a reply to the final dot, 4.5.3.2.6 */
    .starts_with_letter = true,
    .greeting = smtp_greeting,
    .capabilities = smtp_capabilities,
    .starttls = smtp_starttls,
    .takes_initial = smtp_takes_initial,
    .auth = smtp_auth,
    .answer = smtp_answer,
    .goodbye = smtp_goodbye,
    .greet = smtp_greet,
    .converse = smtp_converse,
    .unasked = smtp_unasked,
    .dismiss = smtp_dismiss,
    .refuse = smtp_refuse,
};

/* Whether a keyword of the server means anything to a client that is logged in by us. */
static bool is_visible(const char *keyword, size_t n)
{
	static const char *const hidden[] = {
	    "AUTH", "BURL", "REQUIRETLS", "STARTTLS", "XCLIENT", "XFORWARD"};
	size_t word = strcspn(keyword, " =\n");

	for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
		if (word == strlen(hidden[i]) &&
		    strncasecmp(keyword, hidden[i], word) == 0)
			return false;
	return n > 0;
}

static int append_keywords(const struct capabilities *c, struct secret *out)
{
	const char *rest = secret_str(&c->words);
	int r = 0;

	while (*rest && r == 0) {
		size_t n = strcspn(rest, "\n");

		if (is_visible(rest, n))
			r = secret_printf(out, "250-%.*s\r\n", (int)n, rest);
		rest += n + (rest[n] == '\n');
	}
	return r;
}

/* The last line has a space where the others have a hyphen (RFC 5321 4.2.1). */
static void mark_last_line(struct secret *reply)
{
	size_t at = reply->len - 2;

	while (at > 0 && reply->data[at - 1] != '\n')
		at--;
	reply->data[at + 3] = ' ';
}

static int on_ehlo(struct exchange *x, _unused_ struct line_command *c)
{
	_cleanup_secret_ struct secret reply = {0};
	int r;

	r = secret_printf(&reply, "250-%s\r\n", x->our_name);
	if (r == 0)
		r = append_keywords(&x->upstream->capabilities, &reply);
	if (r == 0 && *client_login_mechanisms(x))
		r = secret_printf(&reply, "250-AUTH %s\r\n", client_login_mechanisms(x));
	if (r < 0)
		return r;
	mark_last_line(&reply);
	return exchange_send(x, &reply);
}

static int on_helo(struct exchange *x, _unused_ struct line_command *c)
{
	return exchange_reply(x, "250 %s\r\n", x->our_name);
}

static int on_noop(struct exchange *x, _unused_ struct line_command *c)
{
	return exchange_reply(x, "250 2.0.0 OK\r\n");
}

static int on_help(struct exchange *x, _unused_ struct line_command *c)
{
	return exchange_reply(
	    x, "214 2.0.0 maildest passes mail on to a mail server\r\n");
}

static int on_vrfy(struct exchange *x, _unused_ struct line_command *c)
{
	return exchange_reply(x, "252 2.5.2 Cannot verify, but will try to deliver\r\n");
}

static int on_starttls(struct exchange *x, _unused_ struct line_command *c)
{
	return exchange_reply(x, "502 5.5.1 Not here: this leg stays on the host\r\n");
}

static int on_quit(struct exchange *x, _unused_ struct line_command *c)
{
	int r;

	r = exchange_reply(x, "221 2.0.0 %s closing the connection\r\n", x->our_name);
	return r < 0 ? r : NEXT_GOODBYE;
}

static int on_auth(struct exchange *x, struct line_command *c)
{
	int r;

	if (c->noted)
		return exchange_reply(x, "503 5.5.1 Already logged in\r\n");
	r = line_command_log_in(x, c, "334 ");
	switch (r) {
	case -EBADMSG:
		return exchange_reply(
		    x, "501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n");
	case CLIENT_LOGIN_ACCEPTED:
		c->noted = true; /* one login a session, RFC 4954 4 */
		return exchange_reply(x, "235 2.7.0 Accepted\r\n");
	case CLIENT_LOGIN_CANCELLED:
		return exchange_reply(x, "501 5.7.0 Cancelled\r\n");
	case CLIENT_LOGIN_MALFORMED:
		return exchange_reply(x, "501 5.5.2 Cannot decode the response\r\n");
	case CLIENT_LOGIN_TOO_LONG:
		return exchange_reply(x, "500 5.5.6 The response is too long\r\n");
	case CLIENT_LOGIN_UNKNOWN:
		return exchange_reply(x, "504 5.5.4 Unknown mechanism\r\n");
	case CLIENT_LOGIN_REFUSED:
		return line_command_refuse_login(x, "535 5.7.8 The login was refused");
	case CLIENT_LOGIN_UNAVAILABLE:
		return line_command_refuse_login(
		    x, "454 4.7.0 The login is not possible now");
	case CLIENT_LOGIN_INCOMPLETE:
		return NEXT_GOODBYE;
	}
	return r;
}

static int on_unknown(struct exchange *x)
{
	int r;

	r = exchange_reply(x, "500 5.5.1 No command that is understood here\r\n");
	return r < 0 ? r : exchange_count_error(x);
}

/* Carries the session line by line: what that leads to. */
static int run_lines(struct exchange *x)
{
	int r = smtp_brackets_run(x);

	switch (r) {
	case SMTP_BRACKETS_RELAY:
		return NEXT_RELAY;
	case SMTP_BRACKETS_CLIENT_ENDED:
		return NEXT_GOODBYE;
	case SMTP_BRACKETS_QUIT:
		return NEXT_END;
	}
	return r;
}

static int on_mail(struct exchange *x, struct line_command *c)
{
	if (!exchange_is_open(x))
		return exchange_reply(x, "530 5.7.0 Authentication required\r\n");
	return smtp_brackets_has(&c->line) ? NEXT_RELAY : run_lines(x);
}

/* Of a mail before its MAIL. */
static int on_later(struct exchange *x, _unused_ struct line_command *c)
{
	if (!exchange_is_open(x))
		return exchange_reply(x, "530 5.7.0 Authentication required\r\n");
	return on_unknown(x);
}

static const struct line_verb verbs[] = {
    {"AUTH", on_auth},
    {"BDAT", on_later},
    {"DATA", on_later},
    {"EHLO", on_ehlo},
    {"HELO", on_helo},
    {"HELP", on_help},
    {"MAIL", on_mail},
    {"NOOP", on_noop},
    {"QUIT", on_quit},
    {"RCPT", on_later},
    {"RSET", on_noop},
    {"STARTTLS", on_starttls},
    {"VRFY", on_vrfy},
};

static int on_long(struct exchange *x, bool login)
{
	int r;

	r = exchange_reply(
	    x, "500 %s The line is too long\r\n", login ? "5.5.6" : "5.5.2");
	return r < 0 ? r : exchange_count_error(x);
}

static const struct line_dialogue dialogue = {
    .verbs = verbs,
    .n = ELEMENTSOF(verbs),
    .on_unknown = on_unknown,
    .on_long = on_long,
};

int smtp_greet(struct exchange *x)
{
	if (x->access == ACCESS_PASS_THROUGH)
		return exchange_send(x, &x->upstream->greeting);
	return exchange_reply(x, "220 %s ESMTP ready\r\n", x->our_name);
}

int smtp_converse(struct exchange *x)
{
	return x->access == ACCESS_PASS_THROUGH ? exchange_finish(x, run_lines(x))
						: line_command_converse(x, &dialogue);
}

/* Out of turn a server may only say that it closes (RFC 5321 3.8). */
int smtp_unasked(struct exchange *x)
{
	return exchange_pass_on_goodbye(x, "421");
}

/* "503 bad sequence of commands" to all but QUIT, RFC 5321 3.1 */
void smtp_dismiss(struct stream *client, uint64_t deadline)
{
	static const char no[] = "503 5.7.1 Access refused\r\n",
			  bye[] = "221 2.0.0 Bye\r\n";
	bool quit = false;
	struct line line;

	for (unsigned i = 0; !quit && i < DISMISS_COMMANDS; i++) {
		uint64_t patience = MIN_OF(deadline, deadline_in(DISMISS_SILENCE_USEC));

		if (stream_line(client, CLIENT_LINE_MAX, patience, &line) != 1)
			return;
		quit = line.len == 4 && strncasecmp(line.text, "QUIT", 4) == 0;
		stream_drop_line(client, &line);
		if (stream_write(
			client, quit ? bye : no, strlen(quit ? bye : no), deadline) < 0)
			return;
	}
}

int smtp_refuse(struct secret *out, const struct refusal *refusal, const char *session)
{
	return secret_printf(out, "%s.%s %s (session %s)\r\n",
	    refusal->permanent ? "554 5" : "421 4", refusal->enhanced, refusal->text,
	    session);
}
