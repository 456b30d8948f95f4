/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting lines, and AUTH up to its dialogue. What is answered is the protocol's. */

#include "line-command.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client-login.h"

static bool is_login(const struct exchange *x)
{
	return strncasecmp(secret_str(&x->client->input), "AUTH ", strlen("AUTH ")) == 0;
}

int line_command_read(struct exchange *x, struct line_command *ret)
{
	struct line *line = &ret->line;
	size_t n = 0;
	int r;

	*ret = (struct line_command){0};
	r = exchange_line(x, CLIENT_LINE_MAX, line);
	if (r == -EMSGSIZE && is_login(x))
		r = exchange_line(x, CLIENT_SASL_MAX, line);
	if (r <= 0)
		return r;
	while (n < line->len && line->text[n] != ' ')
		n++;
	ret->verb_len = n;
	while (n < line->len && line->text[n] == ' ')
		n++;
	ret->argument = line->text + n;
	ret->argument_len = line->len - n;
	return 1;
}

int line_command_skip(struct exchange *x, bool *ret_auth)
{
	*ret_auth = is_login(x);
	return exchange_skip_line(x, NULL);
}

bool line_command_is(const struct line_command *c, const char *verb)
{
	return strlen(verb) == c->verb_len &&
	       strncasecmp(verb, c->line.text, c->verb_len) == 0;
}

void line_command_drop(struct exchange *x, struct line_command *c)
{
	if (!c->dropped)
		stream_drop_line(x->client, &c->line);
	c->dropped = true;
}

/* Splits "MECHANISM [initial-response]": false if there is more or less. */
static bool split(const char *text, size_t len, size_t *ret_mechanism,
    const char **ret_initial, size_t *ret_initial_len)
{
	const char *end = text + len, *space = len ? memchr(text, ' ', len) : NULL;

	*ret_initial = NULL;
	*ret_initial_len = 0;
	*ret_mechanism = space ? (size_t)(space - text) : len;
	if (!space)
		return len > 0;
	while (space < end && *space == ' ')
		space++;
	while (end > space && end[-1] == ' ')
		end--;
	if (space < end) {
		*ret_initial = space;
		*ret_initial_len = (size_t)(end - space);
	}
	return *ret_mechanism > 0 &&
	       !(*ret_initial && memchr(space, ' ', *ret_initial_len));
}

int line_command_log_in(struct exchange *x, struct line_command *c, const char *prompt)
{
	_cleanup_secret_ struct secret copy = {0};
	const char *initial;
	size_t mechanism, initial_len;
	int r;

	if (!split(c->argument, c->argument_len, &mechanism, &initial, &initial_len))
		return -EBADMSG;
	/* the line must leave the input before the dialogue goes on */
	r = secret_append(&copy, c->argument, c->argument_len);
	if (r < 0)
		return r;
	if (initial)
		initial = copy.data + (initial - c->argument);
	line_command_drop(x, c);
	return client_login_run(x, copy.data, mechanism, initial, initial_len, prompt);
}
