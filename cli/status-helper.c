/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's part, by its method Status. */

#include <errno.h>
#include <string.h>

#include "helper-call.h"
#include "log.h"
#include "status.h"
#include "terminal.h"

enum token_column { DESTINATION, TENANT, INSTANCE, STATE, LEFT, WAITING, REASON };

/* What a token's state means; others are fine. */
static const struct {
	const char *state;
	enum status_level level;
	int exit;
	enum table_colour colour;
} states[] = {
    {"expired", STATUS_OK, CLI_OK, TABLE_FAINT},
    {"failing", STATUS_CRITICAL, CLI_NETWORK, TABLE_BAD},
    {"fetching", STATUS_OK, CLI_OK, TABLE_PLAIN},
    {"identity-refused", STATUS_CRITICAL, CLI_REFUSED, TABLE_BAD},
    {"refused", STATUS_CRITICAL, CLI_REFUSED, TABLE_BAD},
    {"renewing", STATUS_OK, CLI_OK, TABLE_GOOD},
    {"valid", STATUS_OK, CLI_OK, TABLE_GOOD},
};

static const char *string_of(struct json_value object, const char *key)
{
	struct json_value v;

	return json_find(object, key, &v) ? json_string(v) : NULL;
}

static void add_number(
    struct table *t, size_t column, struct json_value object, const char *key)
{
	struct json_value v;
	int64_t n;

	if (json_find(object, key, &v) && json_integer(v, &n))
		table_number(t, column, TABLE_PLAIN, n, NULL);
}

static void add_left(struct table *t, struct json_value token)
{
	_cleanup_free_ char *text = NULL;
	struct json_value v;
	int64_t left;

	if (!json_find(token, "expires_in", &v) || !json_integer(v, &left))
		return;
	text = terminal_duration(left);
	table_number(t, LEFT, TABLE_PLAIN, left, text);
}

static void judge(struct status *s, struct json_value token, const char *state)
{
	const char *tenant = string_of(token, "tenant"), *reason;
	const char *destination = string_of(token, "destination");
	enum table_colour colour = TABLE_PLAIN;

	for (size_t i = 0; i < ELEMENTSOF(states); i++) {
		if (strcmp(states[i].state, state) != 0)
			continue;
		colour = states[i].colour;
		reason = string_of(token, "reason");
		if (states[i].level != STATUS_OK)
			status_add_problem(s, states[i].level, states[i].exit,
			    "token of %s%s%s is %s%s%s", destination ? destination : "?",
			    tenant ? " for " : "", tenant ? tenant : "", state,
			    reason ? ": " : "", reason ? reason : "");
	}
	table_text(&s->tokens, STATE, colour, state);
}

static void add_token(struct status *s, struct json_value token)
{
	const char *state = string_of(token, "state");

	table_row(&s->tokens);
	table_text(&s->tokens, DESTINATION, TABLE_PLAIN, string_of(token, "destination"));
	table_text(&s->tokens, TENANT, TABLE_PLAIN, string_of(token, "tenant"));
	table_text(&s->tokens, INSTANCE, TABLE_PLAIN, string_of(token, "instance"));
	if (state)
		judge(s, token, state);
	add_left(&s->tokens, token);
	add_number(&s->tokens, WAITING, token, "waiters");
	table_text(&s->tokens, REASON, TABLE_PLAIN, string_of(token, "reason"));
}

static void add_tokens(struct status *s, const struct json *reply)
{
	struct json_value parameters, tokens, token;
	int position = 0;

	if (!varlink_parameters(reply, &parameters) || !parameters.json ||
	    !json_find(parameters, "tokens", &tokens))
		return;
	while (json_next_element(tokens, &position, &token))
		add_token(s, token);
}

static int64_t number(const struct json *reply, const char *key)
{
	return MAX_OF(helper_link_integer(reply, key), 0);
}

void status_ask_helper(struct status *s)
{
	_cleanup_json_ struct json *reply = NULL;
	_cleanup_free_ char *why = NULL;
	const char *version;
	int r;

	r = helper_ask(s->cli, HELPER_INTERFACE "Status", &reply, &why);
	if (r < 0) {
		status_add_problem(s, STATUS_CRITICAL,
		    r == -EPERM ? CLI_ACCESS : CLI_FAILED, "helper: %s",
		    why ? why : strerror(-r));
		return;
	}
	s->has_helper = true;
	version = helper_link_string(reply, "version");
	s->helper_version = strdup(version ? version : "");
	s->uptime = number(reply, "uptime");
	s->helper_sessions = number(reply, "sessions");
	s->tls_sessions = number(reply, "tls_sessions");
	s->token_requests = number(reply, "token_requests");
	s->token_failures = number(reply, "token_failures");
	s->destinations = number(reply, "destinations");
	s->destination_requests = number(reply, "destination_requests");
	s->refused_connections = number(reply, "refused_connections");
	add_tokens(s, reply);
}
