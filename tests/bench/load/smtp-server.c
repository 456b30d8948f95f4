/* SPDX-License-Identifier: Apache-2.0 */
/* Enough of RFC 5321, 3207 and 4954 for a mail server that is strict about the order. */

#include "upstream.h"

#include <errno.h>
#include <string.h>

#include "message.h"

#define XOAUTH2 "XOAUTH2"
#define ENDED 1 /* of an answer: the session is over as it should be */

static int answer_ehlo(struct visit *v, char *arguments _unused_)
{
	return connection_printf(&v->connection,
	    "250-upstream.example\r\n250-PIPELINING\r\n250-SIZE 157286400\r\n"
	    "250-8BITMIME\r\n%s250 ENHANCEDSTATUSCODES\r\n",
	    v->connection.ssl ? "250-AUTH " XOAUTH2 "\r\n" : "250-STARTTLS\r\n");
}

static int answer_starttls(struct visit *v, char *arguments _unused_)
{
	int r;

	if (v->connection.ssl)
		return connection_puts(&v->connection, "503 5.5.1 Under TLS already\r\n");
	r = connection_puts(&v->connection, "220 2.0.0 Go ahead\r\n");
	return r < 0 ? r : connection_accept_tls(&v->connection, v->upstream->context);
}

static int answer_auth(struct visit *v, char *arguments)
{
	const char *mechanism = strsep(&arguments, " ");
	char *response = arguments;
	int r = 0;

	if (!v->connection.ssl || !mechanism || strcasecmp(mechanism, XOAUTH2) != 0)
		return connection_puts(&v->connection, "504 5.5.4 Not this one\r\n");
	if (!response) {
		r = connection_puts(&v->connection, "334 \r\n");
		if (r == 0)
			r = connection_line(&v->connection, &response);
	}
	if (r < 0)
		return r;
	v->logged_in = true;
	v->upstream->logins++;
	return connection_puts(&v->connection, "235 2.7.0 Accepted\r\n");
}

static int answer_ok(struct visit *v, char *arguments _unused_)
{
	return connection_puts(&v->connection, "250 2.0.0 OK\r\n");
}

static int answer_address(struct visit *v, char *arguments)
{
	if (!arguments || !strchr(arguments, '<'))
		return connection_puts(&v->connection, "501 5.5.4 No address\r\n");
	return answer_ok(v, arguments);
}

static int answer_data(struct visit *v, char *arguments _unused_)
{
	int r;

	r = connection_puts(&v->connection, "354 Go ahead\r\n");
	if (r == 0)
		r = message_skip_data(&v->connection);
	if (r < 0)
		return r;
	v->upstream->messages++;
	return connection_puts(&v->connection, "250 2.0.0 Thank you\r\n");
}

static int answer_quit(struct visit *v, char *arguments _unused_)
{
	int r;

	r = connection_puts(&v->connection, "221 2.0.0 Bye\r\n");
	return r < 0 ? r : ENDED;
}

static const struct {
	const char *name;
	bool needs_login;
	int (*answer)(struct visit *v, char *arguments); /* 0, ENDED or -errno */
} verbs[] = {
    {"EHLO", false, answer_ehlo},
    {"STARTTLS", false, answer_starttls},
    {"AUTH", false, answer_auth},
    {"MAIL", true, answer_address},
    {"RCPT", true, answer_address},
    {"DATA", true, answer_data},
    {"RSET", false, answer_ok},
    {"NOOP", false, answer_ok},
    {"QUIT", false, answer_quit},
};

static int answer(struct visit *v, char *line)
{
	const char *verb = strsep(&line, " ");

	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		if (strcasecmp(verb, verbs[i].name) != 0)
			continue;
		if (verbs[i].needs_login && !v->logged_in)
			return connection_puts(
			    &v->connection, "530 5.7.0 Log in first\r\n");
		return verbs[i].answer(v, line);
	}
	return connection_puts(&v->connection, "500 5.5.1 What?\r\n");
}

int smtp_serve(struct visit *v)
{
	char *line;
	int r;

	r = connection_puts(&v->connection, "220 upstream.example ESMTP\r\n");
	while (r == 0) {
		r = connection_line(&v->connection, &line);
		if (r == 0)
			r = answer(v, line);
	}
	return r == ENDED ? 0 : r;
}
