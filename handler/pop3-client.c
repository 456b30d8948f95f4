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

static int on_capa(struct exchange *x, _unused_ struct line_command *c)
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
static int accept_login(struct exchange *x, struct line_command *c)
{
	int r;

	line_command_drop(x, c);
	r = exchange_reply(x, "+OK Logged in\r\n");
	return r < 0 ? r : NEXT_RELAY;
}

static int ask_for_grant(struct exchange *x)
{
	return exchange_reply(x, "-ERR Log in with AUTH XOAUTH2 or OAUTHBEARER\r\n");
}

/* What a login has come to, in words. */
static int answer_login(struct exchange *x, struct line_command *c, int outcome)
{
	switch (outcome) {
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
		return line_command_refuse_login(x, "-ERR [AUTH] The login was refused");
	case CLIENT_LOGIN_UNAVAILABLE:
		return line_command_refuse_login(
		    x, "-ERR [SYS/TEMP] The login is not possible now");
	case CLIENT_LOGIN_INCOMPLETE:
		return NEXT_GOODBYE;
	}
	return -EINVAL;
}

static int on_user(struct exchange *x, struct line_command *c)
{
	int r;

	if (exchange_needs_grant(x))
		return ask_for_grant(x);
	secret_clear(&c->user);
	r = secret_append(&c->user, c->argument, c->argument_len);
	if (r < 0)
		return r;
	c->noted = true; /* PASS may come now */
	return exchange_reply(x, "+OK\r\n");
}

/* A password may have spaces in it, RFC 1939 7. */
static int check_password(struct exchange *x, struct line_command *c)
{
	_cleanup_secret_ struct secret password = {0};
	int r;

	r = secret_append(
	    &password, c->line.text + c->verb_len, c->line.len - c->verb_len);
	if (r < 0)
		return r;
	line_command_drop(x, c);
	c->noted = false;
	if (password.len > 0) /* the space behind PASS */
		secret_consume(&password, 1);
	r = client_login_check(x, &c->user, &password);
	return r < 0 ? r : answer_login(x, c, r);
}

static int on_pass(struct exchange *x, struct line_command *c)
{
	if (exchange_needs_grant(x))
		return ask_for_grant(x);
	if (!c->noted)
		return exchange_reply(x, "-ERR USER comes first\r\n");
	return exchange_checks_login(x) ? check_password(x, c) : accept_login(x, c);
}

static int on_apop(struct exchange *x, struct line_command *c)
{
	if (exchange_needs_grant(x))
		return ask_for_grant(x);
	if (exchange_checks_login(x)) /* a digest tells nobody's password */
		return exchange_reply(x, "-ERR Log in with USER or AUTH\r\n");
	return accept_login(x, c);
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

static int on_auth(struct exchange *x, struct line_command *c)
{
	int r;

	if (c->argument_len == 0)
		return list_mechanisms(x);
	r = line_command_log_in(x, c, "+ ");
	if (r == -EBADMSG)
		return exchange_reply(
		    x, "-ERR Syntax: AUTH mechanism [initial-response]\r\n");
	return r < 0 ? r : answer_login(x, c, r);
}

static int on_stls(struct exchange *x, _unused_ struct line_command *c)
{
	return exchange_reply(x, "-ERR Not here: this leg stays on the host\r\n");
}

static int on_quit(struct exchange *x, _unused_ struct line_command *c)
{
	int r;

	r = exchange_reply(x, "+OK %s closing the connection\r\n", x->our_name);
	return r < 0 ? r : NEXT_GOODBYE;
}

/* The transaction state, in which the server is (RFC 1939 5, RFC 1460 5, RFC 6856 3). */
static int on_transaction(struct exchange *x, _unused_ struct line_command *c)
{
	return exchange_is_open(x) ? NEXT_RELAY
				   : exchange_reply(x, "-ERR Log in first\r\n");
}

static const struct line_verb verbs[] = {
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

static int on_unknown(struct exchange *x)
{
	return reply_error(x, "No command that is understood here");
}

static int on_long(struct exchange *x, _unused_ bool login)
{
	return reply_error(x, "The line is too long");
}

static const struct line_dialogue dialogue = {
    .verbs = verbs,
    .n = ELEMENTSOF(verbs),
    .on_unknown = on_unknown,
    .on_long = on_long,
};

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
	return x->access == ACCESS_PASS_THROUGH ? exchange_pass_through(x)
						: line_command_converse(x, &dialogue);
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
