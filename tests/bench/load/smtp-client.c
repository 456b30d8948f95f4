/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a mail by SMTP. */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "message.h"
#include "session.h"

/* Waits for the last line of a reply whose code begins with this digit. */
static int expect(struct connection *c, char digit)
{
	char *line;
	int r;

	do {
		r = connection_line(c, &line);
		if (r < 0)
			return r;
		if (strlen(line) < 3)
			return -EPROTO;
	} while (line[3] == '-');
	return *line == digit ? 0 : -EPROTO;
}

static int command(struct connection *c, const char *text, char digit)
{
	int r;

	r = connection_puts(c, text);
	return r < 0 ? r : expect(c, digit);
}

static int say_hello(struct connection *c)
{
	return command(c, "EHLO client.example\r\n", '2');
}

static int greet(struct connection *c)
{
	int r;

	r = expect(c, '2');
	return r < 0 ? r : say_hello(c);
}

static int ask_for_tls(struct connection *c)
{
	return command(c, "STARTTLS\r\n", '2');
}

static int log_in(struct connection *c)
{
	int r;

	r = connection_printf(c, "AUTH XOAUTH2 %s\r\n", session_xoauth2);
	return r < 0 ? r : expect(c, '2');
}

static int send_mail(struct connection *c, size_t kib)
{
	int r;

	r = command(c, "MAIL FROM:<a@client.example>\r\n", '2');
	if (r == 0)
		r = command(c, "RCPT TO:<b@upstream.example>\r\n", '2');
	if (r == 0)
		r = command(c, "DATA\r\n", '3');
	if (r == 0)
		r = message_write(c, kib);
	return r < 0 ? r : command(c, ".\r\n", '2');
}

static int leave(struct connection *c)
{
	return command(c, "QUIT\r\n", '2');
}

const struct dialogue smtp_dialogue = {
    .name = "smtp",
    .greet = greet,
    .ask_for_tls = ask_for_tls,
    .greet_again = say_hello,
    .log_in = log_in,
    .mail = send_mail,
    .leave = leave,
};
