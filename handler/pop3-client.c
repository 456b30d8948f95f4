/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POP3 towards the client: what is ours to answer until the relay starts, which our OK to a
 * login does, and so does any command of the transaction state from a client that sends no
 * login. A client's login never goes upstream.
 */

#include "pop3.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client-login.h"
#include "deadline.h"
#include "exchange.h"
#include "line-command.h"
#include "refusal.h"

const struct protocol protocol_pop3 = {
    .name = "POP3",
    .tls_name = "pop3s",
    .idle_usec = 11 * 60 * USEC_PER_SEC, /* more than the server's 10, RFC 1939 3 */
    .drain_usec = 30 * USEC_PER_SEC,
    .starts_with_letter = true,
    .greeting = pop3_greeting,
    .capabilities = pop3_capabilities,
    .starttls = pop3_starttls,
    .takes_initial = pop3_takes_initial,
    .auth = pop3_auth,
    .answer = pop3_answer,
    .login = pop3_login,
    .goodbye = pop3_goodbye,
    .greet = pop3_greet,
    .converse = pop3_converse,
    .unasked = pop3_unasked,
    .refuse = pop3_refuse,
};

/* A client's command, and whether there has been a USER. */
struct command {
	struct line_command line;
	bool named;
};

/* Whether a line of the server's list means anything to a client of ours. */
static bool is_visible(const char *line, size_t n)
{
	static const char *const hidden[] = {"SASL", "STLS", "USER", "UTF8"};
	size_t word = strcspn(line, " \n");

	for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
		if (word == strlen(hidden[i]) && strncasecmp(line, hidden[i], word) == 0)
			return false;
	return n > 0;
}

/* Appends what of the server's list a client sees, with the dots that such lists take. */
static int append_visible(const struct capabilities *c, struct secret *out)
{
	const char *rest = secret_str(&c->words);
	int r = 0;

	while (*rest && r == 0) {
		size_t n = strcspn(rest, "\n");

		if (is_visible(rest, n))
			r = secret_printf(
			    out, "%s%.*s\r\n", *rest == '.' ? "." : "", (int)n, rest);
		rest += n + (rest[n] == '\n');
	}
	return r;
}

static int on_capa(struct exchange *x, _unused_ struct command *c)
{
	_cleanup_secret_ struct secret reply = {0};
	const char *mechanisms = client_login_mechanisms(x);
	int r;

	r = secret_puts(&reply, "+OK Capability list follows\r\n");
	if (r == 0)
		r = append_visible(&x->upstream->capabilities, &reply);
	if (r == 0 && *mechanisms)
		r = secret_printf(&reply, "%sSASL %s\r\n",
		    x->access == ACCESS_LOGGED_IN ? "USER\r\n" : "", mechanisms);
	if (r == 0)
		r = secret_puts(&reply, ".\r\n");
	return r < 0 ? r : exchange_send(x, &reply);
}

/* The relay begins behind the login, whose line must not go upstream. */
static int accept_login(struct exchange *x, struct command *c)
{
	int r;

	line_command_drop(x, &c->line);
	r = exchange_reply(x, "+OK Logged in\r\n");
	return r < 0 ? r : NEXT_RELAY;
}

static int ask_for_grant(struct exchange *x)
{
	return exchange_reply(x, "-ERR Log in with AUTH XOAUTH2 or OAUTHBEARER\r\n");
}

static int on_user(struct exchange *x, struct command *c)
{
	if (!exchange_is_open(x))
		return ask_for_grant(x);
	c->named = true;
	return exchange_reply(x, "+OK\r\n");
}

static int on_pass(struct exchange *x, struct command *c)
{
	if (!exchange_is_open(x))
		return ask_for_grant(x);
	if (!c->named)
		return exchange_reply(x, "-ERR USER comes first\r\n");
	return accept_login(x, c);
}

static int on_apop(struct exchange *x, struct command *c)
{
	return exchange_is_open(x) ? accept_login(x, c) : ask_for_grant(x);
}

/* Without an argument it asks for the list, as clients older than CAPA do (RFC 1734). */
static int list_mechanisms(struct exchange *x)
{
	_cleanup_secret_ struct secret reply = {0};
	const char *rest = client_login_mechanisms(x);
	int r;

	r = secret_puts(&reply, "+OK Mechanisms follow\r\n");
	while (*rest && r == 0) {
		size_t n = strcspn(rest, " ");

		r = secret_printf(&reply, "%.*s\r\n", (int)n, rest);
		rest += n;
		rest += strspn(rest, " ");
	}
	if (r == 0)
		r = secret_puts(&reply, ".\r\n");
	return r < 0 ? r : exchange_send(x, &reply);
}

static int refuse_login(struct exchange *x, const char *text)
{
	int r;

	r = exchange_reply(x, "-ERR %s (session %s)\r\n", text, x->session);
	return r < 0 ? r : exchange_count_error(x);
}

static int on_auth(struct exchange *x, struct command *c)
{
	int r;

	if (c->line.argument_len == 0)
		return list_mechanisms(x);
	r = line_command_log_in(x, &c->line, "+ ");
	switch (r) {
	case -EBADMSG:
		return exchange_reply(
		    x, "-ERR Syntax: AUTH mechanism [initial-response]\r\n");
	case CLIENT_LOGIN_ACCEPTED:
		return accept_login(x, c);
	case CLIENT_LOGIN_CANCELLED:
		return exchange_reply(x, "-ERR Cancelled\r\n");
	case CLIENT_LOGIN_MALFORMED:
		return exchange_reply(x, "-ERR Cannot decode the response\r\n");
	case CLIENT_LOGIN_TOO_LONG:
		return exchange_reply(x, "-ERR The response is too long\r\n");
	case CLIENT_LOGIN_UNKNOWN:
		return exchange_reply(x, "-ERR Unknown mechanism\r\n");
	case CLIENT_LOGIN_REFUSED:
		return refuse_login(x, "[AUTH] The login was refused");
	case CLIENT_LOGIN_UNAVAILABLE:
		return refuse_login(x, "[SYS/TEMP] The login is not possible now");
	case CLIENT_LOGIN_INCOMPLETE:
		return NEXT_GOODBYE;
	}
	return r;
}

static int on_stls(struct exchange *x, _unused_ struct command *c)
{
	return exchange_reply(x, "-ERR Not here: this leg stays on the host\r\n");
}

static int on_quit(struct exchange *x, _unused_ struct command *c)
{
	int r;

	r = exchange_reply(x, "+OK %s closing the connection\r\n", x->our_name);
	return r < 0 ? r : NEXT_GOODBYE;
}

/* The transaction state, in which the server is (RFC 1939 5, RFC 1460 5, RFC 6856 3). */
static int on_transaction(struct exchange *x, _unused_ struct command *c)
{
	return exchange_is_open(x) ? NEXT_RELAY
				   : exchange_reply(x, "-ERR Log in first\r\n");
}

static const struct {
	const char *verb;
	int (*run)(struct exchange *x, struct command *c);
} verbs[] = {
    {"APOP", on_apop},
    {"AUTH", on_auth},
    {"CAPA", on_capa},
    {"DELE", on_transaction},
    {"LANG", on_transaction},
    {"LAST", on_transaction},
    {"LIST", on_transaction},
    {"NOOP", on_transaction},
    {"PASS", on_pass},
    {"QUIT", on_quit},
    {"RETR", on_transaction},
    {"RSET", on_transaction},
    {"STAT", on_transaction},
    {"STLS", on_stls},
    {"TOP", on_transaction},
    {"UIDL", on_transaction},
    {"USER", on_user},
};

static int reply_error(struct exchange *x, const char *text)
{
	int r;

	r = exchange_reply(x, "-ERR %s\r\n", text);
	return r < 0 ? r : exchange_count_error(x);
}

static int run_command(struct exchange *x, struct command *c)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (line_command_is(&c->line, verbs[i].verb))
			return verbs[i].run(x, c);
	return reply_error(x, "No command that is understood here");
}

static int on_long_line(struct exchange *x)
{
	bool auth;
	int r;

	r = line_command_skip(x, &auth);
	return r < 0 ? r : reply_error(x, "The line is too long");
}

/*
 * Without the stamp for APOP if that came before TLS: a client would answer with a digest
 * of its password to whoever made it up (RFC 1939 7).
 */
static int greet_as_server(struct exchange *x)
{
	_cleanup_secret_ struct secret reply = {0};
	const struct secret *theirs = &x->upstream->greeting;
	const char *text = secret_str(theirs), *stamp = strchr(text, '<'),
		   *end = strrchr(text, '>');
	int r;

	if (!x->upstream->upgraded || !stamp || !end || end < stamp)
		return exchange_send(x, theirs);
	r = secret_append(&reply, text, (size_t)(stamp - text));
	if (r == 0)
		r = secret_puts(&reply, end + 1);
	return r < 0 ? r : exchange_send(x, &reply);
}

int pop3_greet(struct exchange *x)
{
	return x->access == ACCESS_PASS_THROUGH
		   ? greet_as_server(x)
		   : exchange_reply(x, "+OK %s ready\r\n", x->our_name);
}

int pop3_converse(struct exchange *x)
{
	struct command c = {0};
	int r = NEXT_COMMAND;

	if (x->access == ACCESS_PASS_THROUGH)
		return exchange_pass_through(x);
	while (r == NEXT_COMMAND) {
		r = line_command_read(x, &c.line);
		if (r == -EMSGSIZE) {
			r = on_long_line(x);
			continue;
		}
		if (r <= 0)
			return exchange_finish(x, r < 0 ? r : NEXT_GOODBYE);
		r = run_command(x, &c);
		if (r == NEXT_COMMAND)
			line_command_drop(x, &c.line);
	}
	return exchange_finish(x, r);
}

int pop3_unasked(struct exchange *x)
{
	return exchange_pass_on_goodbye(x, "-ERR");
}

/* RFC 3206 4 */
static const char *code_of(const struct refusal *refusal)
{
	if (refusal->error == EREMOTE)
		return "[AUTH] ";
	if (refusal->permanent)
		return "[SYS/PERM] ";
	return refusal->imap_code ? "[SYS/TEMP] " : "";
}

int pop3_refuse(struct secret *out, const struct refusal *refusal, const char *session)
{
	return secret_printf(
	    out, "-ERR %s%s (session %s)\r\n", code_of(refusal), refusal->text, session);
}
