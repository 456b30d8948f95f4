/* SPDX-License-Identifier: Apache-2.0 */
/* Enough of RFC 3501 for one mailbox, in which message N has N KiB. */

#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#define CAPABILITIES "IMAP4rev1 SASL-IR LITERAL+ "
#define MESSAGES_MAX 1048576
#define ENDED 1 /* of an answer: the session is over as it should be */

static const char *capabilities(const struct visit *v)
{
	return v->connection.ssl ? CAPABILITIES "AUTH=XOAUTH2"
				 : CAPABILITIES "LOGINDISABLED STARTTLS";
}

static int answer_capability(struct visit *v, const char *tag, char *arguments _unused_)
{
	return connection_printf(
	    &v->connection, "* CAPABILITY %s\r\n%s OK Done\r\n", capabilities(v), tag);
}

static int answer_starttls(struct visit *v, const char *tag, char *arguments _unused_)
{
	int r;

	if (v->connection.ssl)
		return connection_printf(
		    &v->connection, "%s BAD Under TLS already\r\n", tag);
	r = connection_printf(&v->connection, "%s OK Go ahead\r\n", tag);
	return r < 0 ? r : connection_accept_tls(&v->connection, v->upstream->context);
}

static int answer_authenticate(struct visit *v, const char *tag, char *arguments)
{
	const char *mechanism = strsep(&arguments, " ");

	/* With SASL-IR the response comes along. */
	if (!v->connection.ssl || !mechanism || strcasecmp(mechanism, "XOAUTH2") != 0 ||
	    !arguments)
		return connection_printf(&v->connection, "%s BAD Not this way\r\n", tag);
	v->logged_in = true;
	v->upstream->logins++;
	return connection_printf(
	    &v->connection, "%s OK [CAPABILITY %s] Accepted\r\n", tag, capabilities(v));
}

static int answer_noop(struct visit *v, const char *tag, char *arguments _unused_)
{
	return connection_printf(&v->connection, "%s OK Done\r\n", tag);
}

static int answer_select(struct visit *v, const char *tag, char *arguments _unused_)
{
	return connection_printf(&v->connection,
	    "* %d EXISTS\r\n* 0 RECENT\r\n* FLAGS ()\r\n* OK [UIDVALIDITY 1] Valid\r\n"
	    "%s OK [READ-WRITE] Done\r\n",
	    MESSAGES_MAX, tag);
}

static int answer_fetch(struct visit *v, const char *tag, char *arguments)
{
	unsigned long number = arguments ? strtoul(arguments, NULL, 10) : 0;
	int r;

	if (number == 0 || number > MESSAGES_MAX)
		return connection_printf(
		    &v->connection, "%s BAD No such message\r\n", tag);
	r = connection_printf(&v->connection, "* %lu FETCH (BODY[] {%zu}\r\n", number,
	    number * MESSAGE_KIB);
	if (r == 0)
		r = message_write(&v->connection, number);
	if (r < 0)
		return r;
	v->upstream->messages++;
	return connection_printf(&v->connection, ")\r\n%s OK Done\r\n", tag);
}

static int answer_logout(struct visit *v, const char *tag, char *arguments _unused_)
{
	int r;

	r = connection_printf(&v->connection, "* BYE\r\n%s OK Done\r\n", tag);
	return r < 0 ? r : ENDED;
}

static const struct {
	const char *name;
	bool needs_login;
	/* 0, ENDED or -errno */
	int (*answer)(struct visit *v, const char *tag, char *arguments);
} commands[] = {
    {"CAPABILITY", false, answer_capability},
    {"STARTTLS", false, answer_starttls},
    {"AUTHENTICATE", false, answer_authenticate},
    {"NOOP", false, answer_noop},
    {"SELECT", true, answer_select},
    {"FETCH", true, answer_fetch},
    {"LOGOUT", false, answer_logout},
};

static int answer(struct visit *v, char *line)
{
	const char *tag = strsep(&line, " "), *command = strsep(&line, " ");

	for (size_t i = 0; command && i < ELEMENTSOF(commands); i++) {
		if (strcasecmp(command, commands[i].name) != 0)
			continue;
		if (commands[i].needs_login && !v->logged_in)
			break;
		return commands[i].answer(v, tag, line);
	}
	return connection_printf(&v->connection, "%s BAD Not now\r\n", tag);
}

int imap_serve(struct visit *v)
{
	char *line;
	int r;

	r = connection_printf(
	    &v->connection, "* OK [CAPABILITY %s] Ready\r\n", capabilities(v));
	while (r == 0) {
		r = connection_line(&v->connection, &line);
		if (r == 0)
			r = answer(v, line);
	}
	return r == ENDED ? 0 : r;
}
