/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAP towards the client. One greeting serves clients that log in, clients that refuse
 * to be logged in before they did, and clients that go straight to their mailboxes: every
 * command of the authenticated state starts the relay, and so does our OK to a login.
 */

#include "imap.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client-login.h"
#include "deadline.h"
#include "exchange.h"
#include "imap-command.h"
#include "refusal.h"

/* of X..., which is otherwise any line of text */
#define EXPERIMENTAL_NAME_MAX 32

const struct protocol protocol_imap = {
    .name = "IMAP",
    .tls_name = "imap4s",
    .idle_usec =
	35 * 60 * USEC_PER_SEC, /* more than the 29 minutes of IDLE, RFC 2177 3 */
    .drain_usec = 30 * USEC_PER_SEC,
    .token_lifetime_sec = 24 * 60 * 60, /* as long as it goes */
    .starts_with_letter = false,	/* a tag may begin with a digit */
    .greeting = imap_greeting,
    .capabilities = imap_capabilities,
    .starttls = imap_starttls,
    .takes_initial = imap_takes_initial,
    .auth = imap_auth,
    .answer = imap_answer,
    .login = imap_login,
    .goodbye = imap_goodbye,
    .greet = imap_greet,
    .converse = imap_converse,
    .unasked = imap_unasked,
    .refuse = imap_refuse,
};

static const char *tag(const struct imap_command *c)
{
	return secret_str(&c->text);
}

/* "<tag> <text>" */
static int answer(struct exchange *x, const struct imap_command *c, const char *text)
{
	return exchange_reply(x, "%.*s %s\r\n", (int)c->tag_len, tag(c), text);
}

static int on_capability(struct exchange *x, struct imap_command *c)
{
	_cleanup_secret_ struct secret list = {0};
	int r;

	r = imap_own_capabilities(x, &list);
	if (r == 0)
		r = exchange_reply(x, "* CAPABILITY %s\r\n", secret_str(&list));
	return r < 0 ? r : answer(x, c, "OK CAPABILITY done");
}

static int on_id(struct exchange *x, struct imap_command *c)
{
	int r;

	r = exchange_reply(
	    x, "* ID (\"name\" \"maildest\" \"version\" \"%s\")\r\n", MAILDEST_VERSION);
	return r < 0 ? r : answer(x, c, "OK ID done");
}

static int on_noop(struct exchange *x, struct imap_command *c)
{
	return answer(x, c, "OK NOOP done");
}

static int on_starttls(struct exchange *x, struct imap_command *c)
{
	return answer(x, c, "BAD Not here: this leg stays on the host");
}

static int on_logout(struct exchange *x, struct imap_command *c)
{
	int r;

	r = exchange_reply(x, "* BYE %s closing the connection\r\n", x->our_name);
	if (r == 0)
		r = answer(x, c, "OK LOGOUT done");
	return r < 0 ? r : NEXT_GOODBYE;
}

/* Our OK carries what the server can do, so that no client has to ask again. */
static int accept_login(struct exchange *x, const struct imap_command *c)
{
	_cleanup_secret_ struct secret list = {0};
	int r;

	r = imap_visible_capabilities(&x->upstream->capabilities, &list);
	if (r == 0)
		r = exchange_reply(x, "%.*s OK [CAPABILITY %s] Logged in\r\n",
		    (int)c->tag_len, tag(c), secret_str(&list));
	return r < 0 ? r : NEXT_RELAY;
}

static int refuse_login(
    struct exchange *x, const struct imap_command *c, const char *text)
{
	int r;

	r = exchange_reply(
	    x, "%.*s NO %s (session %s)\r\n", (int)c->tag_len, tag(c), text, x->session);
	return r < 0 ? r : exchange_count_error(x);
}

/* What a login has come to, in words. */
static int answer_login(struct exchange *x, const struct imap_command *c, int outcome)
{
	switch (outcome) {
	case CLIENT_LOGIN_ACCEPTED:
		return accept_login(x, c);
	case CLIENT_LOGIN_CANCELLED:
		return answer(x, c, "BAD Cancelled");
	case CLIENT_LOGIN_MALFORMED:
		return answer(x, c, "BAD Cannot decode the response");
	case CLIENT_LOGIN_TOO_LONG:
		return answer(x, c, "BAD The response is too long");
	case CLIENT_LOGIN_UNKNOWN:
		return answer(x, c, "NO [CANNOT] Unknown mechanism");
	case CLIENT_LOGIN_REFUSED:
		return refuse_login(x, c, "[AUTHENTICATIONFAILED] The login was refused");
	case CLIENT_LOGIN_UNAVAILABLE:
		return refuse_login(x, c, "[UNAVAILABLE] The login is not possible now");
	case CLIENT_LOGIN_INCOMPLETE:
		return NEXT_GOODBYE;
	}
	return -EINVAL;
}

static int on_login(struct exchange *x, struct imap_command *c)
{
	_cleanup_secret_ struct secret user = {0}, password = {0};
	int r;

	r = imap_command_take_astring(c, &user);
	if (r == 0)
		r = imap_command_take_astring(c, &password);
	if (r == 0 && !imap_command_is_at_end(c))
		r = -EBADMSG;
	if (r == -EBADMSG)
		return answer(x, c, "BAD Syntax: LOGIN user password");
	if (r < 0)
		return r;
	if (exchange_needs_grant(x))
		return answer(
		    x, c, "NO [CANNOT] Log in with AUTHENTICATE XOAUTH2 or OAUTHBEARER");
	if (!exchange_checks_login(x))
		return accept_login(x, c);
	r = client_login_check(x, &user, &password);
	return r < 0 ? r : answer_login(x, c, r);
}

/* " mechanism [initial-response]" */
static int take_auth(
    struct imap_command *c, struct secret *mechanism, const char **ret_initial)
{
	int r;

	r = imap_command_take_astring(c, mechanism);
	if (r < 0)
		return r;
	*ret_initial = NULL;
	if (imap_command_is_at_end(c))
		return 0;
	*ret_initial = tag(c) + c->at + 1;
	return tag(c)[c->at] == ' ' && **ret_initial && !strpbrk(*ret_initial, " \r\n")
		   ? 0
		   : -EBADMSG;
}

static int on_authenticate(struct exchange *x, struct imap_command *c)
{
	_cleanup_secret_ struct secret mechanism = {0};
	const char *initial;
	int r;

	r = take_auth(c, &mechanism, &initial);
	if (r == -EBADMSG)
		return answer(
		    x, c, "BAD Syntax: AUTHENTICATE mechanism [initial-response]");
	if (r < 0)
		return r;
	r = client_login_run(x, secret_str(&mechanism), mechanism.len, initial,
	    initial ? strlen(initial) : 0, "+ ");
	return r < 0 ? r : answer_login(x, c, r);
}

static const struct {
	const char *name;
	int (*run)(struct exchange *x, struct imap_command *c);
} own_commands[] = {
    {"AUTHENTICATE", on_authenticate},
    {"CAPABILITY", on_capability},
    {"ID", on_id},
    {"LOGIN", on_login},
    {"LOGOUT", on_logout},
    {"NOOP", on_noop},
    {"STARTTLS", on_starttls},
};

/* Commands of the authenticated state: RFC 9051 6.3 and its extensions; X... is experimental. */
static const char *const relayed_commands[] = {"APPEND", "CANCELUPDATE", "COMPARATOR",
    "COMPRESS", "CREATE", "DELETE", "DELETEACL", "ENABLE", "ESEARCH", "EXAMINE",
    "GENURLAUTH", "GETACL", "GETJMAPACCESS", "GETMETADATA", "GETQUOTA", "GETQUOTAROOT",
    "IDLE", "LANGUAGE", "LIST", "LISTRIGHTS", "LSUB", "MYRIGHTS", "NAMESPACE", "NOTIFY",
    "RENAME", "RESETKEY", "SELECT", "SETACL", "SETMETADATA", "SETQUOTA", "STATUS",
    "SUBSCRIBE", "UNSUBSCRIBE", "URLFETCH"};

static bool is_name(const char *name, size_t len, const char *wanted)
{
	return strlen(wanted) == len && strncasecmp(name, wanted, len) == 0;
}

static bool starts_relay(const char *name, size_t len)
{
	for (size_t i = 0; i < ELEMENTSOF(relayed_commands); i++)
		if (is_name(name, len, relayed_commands[i]))
			return true;
	return len > 1 && len <= EXPERIMENTAL_NAME_MAX &&
	       (name[0] == 'X' || name[0] == 'x');
}

static int reply_bad(
    struct exchange *x, const char *tag_text, size_t tag_len, const char *text)
{
	int r;

	if (tag_len > 0)
		r = exchange_reply(x, "%.*s BAD %s\r\n", (int)tag_len, tag_text, text);
	else
		r = exchange_reply(x, "* BAD %s\r\n", text);
	return r < 0 ? r : exchange_count_error(x);
}

/* A command that is not for the relay, read whole. */
static int run_command(struct exchange *x)
{
	_cleanup_imap_command_ struct imap_command c = {0};
	const char *name;
	int r;

	r = imap_command_read(x, &c);
	if (r < 0)
		return r;
	if (r == IMAP_COMMAND_ENDED)
		return NEXT_GOODBYE;
	if (!imap_command_parse(secret_str(&c.text), c.text.len, &c))
		return reply_bad(
		    x, tag(&c), c.tag_len, "No command that is understood here");
	if (r == IMAP_COMMAND_TOO_LONG)
		return reply_bad(x, tag(&c), c.tag_len, "The command is too long");
	name = tag(&c) + c.name_at;
	for (size_t i = 0; i < ELEMENTSOF(own_commands); i++)
		if (is_name(name, c.name_len, own_commands[i].name))
			return own_commands[i].run(x, &c);
	if (!exchange_is_open(x) && starts_relay(name, c.name_len))
		return reply_bad(x, tag(&c), c.tag_len, "Log in first");
	return reply_bad(x, tag(&c), c.tag_len, "No command that is understood here");
}

/*
 * A line beyond 8 KiB is a login, which may be that long, or a command for the relay,
 * which passes it unread; the tag of any other is worth an answer.
 */
static int on_long_line(struct exchange *x)
{
	_cleanup_secret_ struct secret start = {0};
	const struct secret *input = &x->client->input;
	struct imap_command c = {0};
	bool parsed;
	int r;

	r = secret_append(&start, input->data, MIN_OF(input->len, CLIENT_LINE_MAX));
	if (r < 0)
		return r;
	parsed = imap_command_parse(start.data, start.len, &c);
	if (parsed && (is_name(start.data + c.name_at, c.name_len, "AUTHENTICATE") ||
			  is_name(start.data + c.name_at, c.name_len, "LOGIN")))
		return run_command(x);
	if (parsed && exchange_is_open(x) &&
	    starts_relay(start.data + c.name_at, c.name_len))
		return NEXT_RELAY;
	r = imap_command_skip_line(x);
	return r < 0 ? r : reply_bad(x, start.data, c.tag_len, "The line is too long");
}

int imap_converse(struct exchange *x)
{
	struct imap_command c = {0};
	struct line line;
	int r = NEXT_COMMAND;

	if (x->access == ACCESS_PASS_THROUGH)
		return exchange_pass_through(x);
	while (r == NEXT_COMMAND) {
		r = exchange_line(x, CLIENT_LINE_MAX, &line);
		if (r == -EMSGSIZE) {
			r = on_long_line(x);
			continue;
		}
		if (r <= 0)
			return exchange_finish(x, r < 0 ? r : NEXT_GOODBYE);
		if (exchange_is_open(x) && imap_command_parse(line.text, line.len, &c) &&
		    starts_relay(line.text + c.name_at, c.name_len))
			return exchange_finish(x, NEXT_RELAY);
		r = run_command(x);
	}
	return exchange_finish(x, r);
}

/*
 * Untagged data passes as it comes, line by line, once the mailbox is the client's to see; from
 * one that announces a literal on, all waits for the relay, so that no reply of ours can land
 * in its middle.
 */
int imap_unasked(struct exchange *x)
{
	struct stream *s = &x->upstream->stream;
	struct line line;
	uint64_t literal;
	bool plus;
	int r, open;

	open = exchange_hear_server(x);
	if (open < 0)
		return open;
	while (stream_find_line(s, &line)) {
		_cleanup_secret_ struct secret copy = {0};
		size_t len = line.len;
		bool bye = line.len >= 5 && strncasecmp(line.text, "* BYE", 5) == 0;

		if (!bye && !exchange_is_open(x))
			break;
		if (!imap_is_status(&line) &&
		    imap_announces_literal(line.text, line.len, &literal, &plus))
			break;
		r = secret_append(&copy, line.text, line.raw_len);
		stream_drop_line(s, &line);
		if (r == 0 && bye)
			exchange_fail_quoting(x, -ESHUTDOWN,
			    "the server closed the session", copy.data, len);
		if (r == 0)
			r = exchange_send(x, &copy);
		if (r < 0 || bye)
			return r < 0 ? r : -ESHUTDOWN;
	}
	return open ? 0
		    : exchange_fail(x, -ECONNRESET, "the server closed the connection");
}

int imap_refuse(struct secret *out, const struct refusal *refusal, const char *session)
{
	return secret_printf(out, "* BYE %s%s%s%s (session %s)\r\n",
	    refusal->imap_code ? "[" : "", refusal->imap_code ? refusal->imap_code : "",
	    refusal->imap_code ? "] " : "", refusal->text, session);
}
