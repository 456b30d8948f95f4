/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a mail by IMAP: the one whose number is its size, see imap-server.c. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "session.h"

#define TAG "a "

/* Reads up to the tagged OK; *literal is what there has to be of a mail before it. */
static int expect(struct connection *c, size_t literal)
{
	size_t announced;
	char *line, *brace;
	int r;

	for (;;) {
		r = connection_line(c, &line);
		if (r < 0)
			return r;
		if (strncmp(line, TAG, strlen(TAG)) == 0)
			break;
		brace = strrchr(line, '{');
		if (!brace || sscanf(brace, "{%zu}", &announced) != 1)
			continue;
		if (announced != literal)
			return -EPROTO;
		r = connection_skip(c, literal);
		if (r < 0)
			return r;
		literal = 0;
	}
	return literal == 0 && strncmp(line, TAG "OK", strlen(TAG "OK")) == 0 ? 0
									      : -EPROTO;
}

static int command(struct connection *c, const char *text)
{
	int r;

	r = connection_puts(c, text);
	return r < 0 ? r : expect(c, 0);
}

static int greet(struct connection *c)
{
	char *line;
	int r;

	r = connection_line(c, &line);
	if (r < 0)
		return r;
	return strncmp(line, "* OK ", strlen("* OK ")) == 0 ? 0 : -EPROTO;
}

static int ask_for_tls(struct connection *c)
{
	return command(c, TAG "STARTTLS\r\n");
}

/* There is no second greeting in IMAP: the answer to the login has the capabilities. */
static int greet_again(struct connection *c _unused_)
{
	return 0;
}

static int log_in(struct connection *c)
{
	int r;

	r = connection_printf(c, TAG "AUTHENTICATE XOAUTH2 %s\r\n", session_xoauth2);
	return r < 0 ? r : expect(c, 0);
}

static int read_mail(struct connection *c, size_t kib)
{
	int r;

	r = command(c, TAG "SELECT INBOX\r\n");
	if (r == 0)
		r = connection_printf(c, TAG "FETCH %zu BODY.PEEK[]\r\n", kib);
	return r < 0 ? r : expect(c, kib * MESSAGE_KIB);
}

static int leave(struct connection *c)
{
	return command(c, TAG "LOGOUT\r\n");
}

const struct dialogue imap_dialogue = {
    .name = "imap",
    .greet = greet,
    .ask_for_tls = ask_for_tls,
    .greet_again = greet_again,
    .log_in = log_in,
    .mail = read_mail,
    .leave = leave,
};
