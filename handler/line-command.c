/* SPDX-License-Identifier: Apache-2.0 */
/* The order of such a dialogue, and AUTH up to its own. What is answered is the protocol's. */

#include "line-command.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client-login.h"

/* Only a line that carries a SASL response may be long. */
static bool is_login(const struct exchange *x)
{
	return strncasecmp(secret_str(&x->client->input), "AUTH ", strlen("AUTH ")) == 0;
}

/* Waits for the next command: as exchange_line(). */
static int read_command(struct exchange *x, struct line_command *c)
{
	struct line *line = &c->line;
	size_t n = 0;
	int r;

	r = exchange_line(x, CLIENT_LINE_MAX, line);
	if (r == -EMSGSIZE && is_login(x))
		r = exchange_line(x, CLIENT_SASL_MAX, line);
	if (r <= 0)
		return r;
	c->dropped = false;
	while (n < line->len && line->text[n] != ' ')
		n++;
	c->verb_len = n;
	while (n < line->len && line->text[n] == ' ')
		n++;
	c->argument = line->text + n;
	c->argument_len = line->len - n;
	return 1;
}

void line_command_drop(struct exchange *x, struct line_command *c)
{
	if (!c->dropped)
		stream_drop_line(x->client, &c->line);
	c->dropped = true;
}

static int run_command(
    struct exchange *x, const struct line_dialogue *dialogue, struct line_command *c)
{
	for (size_t i = 0; i < dialogue->n; i++) {
		const struct line_verb *verb = &dialogue->verbs[i];

		if (strlen(verb->name) == c->verb_len &&
		    strncasecmp(verb->name, c->line.text, c->verb_len) == 0)
			return verb->run(x, c);
	}
	return dialogue->on_unknown(x);
}

static int skip_command(struct exchange *x, const struct line_dialogue *dialogue)
{
	bool login = is_login(x);
	int r;

	r = exchange_skip_line(x, NULL);
	return r < 0 ? r : dialogue->on_long(x, login);
}

static void line_command_done(struct line_command *c)
{
	secret_done(&c->user);
}

int line_command_converse(struct exchange *x, const struct line_dialogue *dialogue)
{
	_cleanup_(line_command_done) struct line_command c = {0};
	int r = NEXT_COMMAND;

	while (r == NEXT_COMMAND) {
		r = read_command(x, &c);
		if (r == -EMSGSIZE) {
			r = skip_command(x, dialogue);
			continue;
		}
		if (r <= 0)
			return exchange_finish(x, r < 0 ? r : NEXT_GOODBYE);
		r = run_command(x, dialogue, &c);
		if (r == NEXT_COMMAND)
			line_command_drop(x, &c);
	}
	return exchange_finish(x, r);
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

int line_command_refuse_login(struct exchange *x, const char *text)
{
	int r;

	r = exchange_reply(x, "%s (session %s)\r\n", text, x->session);
	return r < 0 ? r : exchange_count_error(x);
}
