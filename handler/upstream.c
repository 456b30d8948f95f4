/* SPDX-License-Identifier: Apache-2.0 */
/* Lines from and commands to the mail server, and the one sentence about what went wrong. */

#include "upstream.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "log.h"
#include "mask.h"
#include "text.h"

/* Of what a server said, so much is looked at for the journal, which takes less. */
#define QUOTED_MAX 4096

void upstream_done(struct upstream *u)
{
	stream_done(&u->stream);
	secret_done(&u->capabilities.words);
	secret_done(&u->greeting);
	secret_done(&u->hidden);
	free(u->why);
	*u = (struct upstream)UPSTREAM_INIT;
}

int upstream_fail(struct upstream *u, int error, const char *format, ...)
{
	va_list ap;

	if (u->why)
		return error;
	va_start(ap, format);
	u->why = text_vformat(format, ap);
	va_end(ap);
	return error;
}

int upstream_fail_quoting(
    struct upstream *u, int error, const char *what, const char *quoted, size_t len)
{
	_cleanup_secret_ struct secret escaped = {0};

	if (upstream_quote(u, quoted, len, &escaped) < 0)
		return error;
	return upstream_fail(u, error, "%s: '%s'", what, secret_str(&escaped));
}

int upstream_hide(struct upstream *u, const char *text)
{
	return secret_append(&u->hidden, text, strlen(text) + 1);
}

int upstream_quote(
    const struct upstream *u, const char *quoted, size_t len, struct secret *out)
{
	_cleanup_secret_ struct secret text = {0};
	const char *value = secret_str(&u->hidden), *end = value + u->hidden.len;
	int r;

	r = secret_append(&text, quoted, MIN_OF(len, (size_t)QUOTED_MAX));
	if (r < 0)
		return r;
	for (; value < end; value += strlen(value) + 1)
		mask_secret(&text, value, strlen(value));
	return log_quote(out, text.data, text.len);
}

int upstream_fail_stream(struct upstream *u, int error)
{
	switch (-error) {
	case ETIMEDOUT:
		return upstream_fail(u, error, "the server did not answer in time");
	case ECONNABORTED:
		return upstream_fail(u, error, "the client went away");
	case EMSGSIZE:
		return upstream_fail(
		    u, -EPROTO, "the server sent a line that is too long");
	}
	(void)upstream_fail(
	    u, error, "the connection to the server failed: %s", strerror(-error));
	/* what the session knows stays; all else is the network's, whatever it calls it */
	return error == -ENOMEM || error == -EPROTO || error == -EKEYREJECTED
		   ? error
		   : -ECONNRESET;
}

uint64_t upstream_reply_deadline(const struct upstream *u)
{
	return MIN_OF(u->login_deadline, deadline_in(u->reply_timeout_usec));
}

int upstream_line(struct upstream *u, size_t max, struct line *ret)
{
	int r;

	r = stream_line(&u->stream, max, upstream_reply_deadline(u), ret);
	if (r == 0)
		return upstream_fail(u, -ECONNRESET, "the server closed the connection");
	if (r < 0)
		return upstream_fail_stream(u, r);
	if (memchr(ret->text, '\0', ret->len))
		return upstream_fail_quoting(
		    u, -EPROTO, "the server sent a NUL byte", ret->text, ret->len);
	return 0;
}

void upstream_drop_line(struct upstream *u, const struct line *line)
{
	stream_drop_line(&u->stream, line);
}

static int send_bytes(struct upstream *u, const char *bytes, size_t n)
{
	uint64_t deadline = MIN_OF(u->login_deadline, deadline_in(u->write_timeout_usec));
	int r;

	r = stream_write(&u->stream, bytes, n, deadline);
	return r < 0 ? upstream_fail_stream(u, r) : 0;
}

int upstream_send(struct upstream *u, const struct secret *command)
{
	return send_bytes(u, secret_str(command), command->len);
}

int upstream_send_text(struct upstream *u, const char *command)
{
	return send_bytes(u, command, strlen(command));
}

int upstream_note_word(struct upstream *u, const char *word, size_t n)
{
	struct secret *words = &u->capabilities.words;

	if (n == 0 || !text_is_printable(word, n))
		return 0;
	return secret_printf(words, "%s%.*s", words->len ? "\n" : "", (int)n, word);
}

void upstream_forget_capabilities(struct upstream *u)
{
	secret_done(&u->capabilities.words);
	u->capabilities = (struct capabilities){0};
}
