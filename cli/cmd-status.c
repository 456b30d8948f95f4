/* SPDX-License-Identifier: Apache-2.0 */
/* maildest status. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "options.h"
#include "status.h"
#include "terminal.h"

static void print_section(
    const struct status *s, const char *title, const struct table *t)
{
	if (t->n_rows == 0)
		return;
	(void)putchar('\n'); /* noticed at the end */
	terminal_print(s->cli, TABLE_FAINT, title);
	(void)putchar('\n');
	table_print(t, s->cli);
}

static void print_helper(const struct status *s)
{
	_cleanup_free_ char *age = terminal_duration(s->uptime);

	if (!s->has_helper)
		return;
	printf("helper    version %s, running for %s; %" PRIi64
	       " token requests (%" PRIi64 " failed), %" PRIi64
	       " connections refused, %" PRIi64 " TLS sessions kept\n",
	    s->helper_version, age ? age : "?", s->token_requests, s->token_failures,
	    s->refused_connections, s->tls_sessions);
}

static int print(const struct status *s)
{
	static const enum table_colour colours[] = {
	    [STATUS_OK] = TABLE_GOOD,
	    [STATUS_WARNING] = TABLE_DOUBTFUL,
	    [STATUS_CRITICAL] = TABLE_BAD,
	};

	printf("status    ");
	terminal_print(s->cli, colours[s->level], status_level_name(s->level));
	(void)putchar('\n'); /* noticed at the end */
	print_helper(s);
	printf("services  %zu available, %zu not\n", s->available, s->unavailable);
	printf("sessions  %zu now; %" PRIu64 " accepted, %" PRIu64
	       " refused by systemd\n",
	    s->sessions, s->accepted, s->refused);
	print_section(s, "Problems", &s->problems);
	print_section(s, "Tokens", &s->tokens);
	print_section(s, "Certificates that end", &s->certificates);
	print_section(s, "Sockets", &s->sockets);
	print_section(s, "Last failures, of the last 24 hours", &s->failures);
	return s->exit;
}

static void write_helper(const struct status *s, struct json_writer *w)
{
	if (!s->has_helper)
		return;
	json_writer_open(w, "helper", '{');
	json_writer_string(w, "version", s->helper_version);
	json_writer_integer(w, "uptime", s->uptime);
	json_writer_integer(w, "sessions", s->helper_sessions);
	json_writer_integer(w, "tls_sessions", s->tls_sessions);
	json_writer_integer(w, "token_requests", s->token_requests);
	json_writer_integer(w, "token_failures", s->token_failures);
	json_writer_integer(w, "destinations", s->destinations);
	json_writer_integer(w, "destination_requests", s->destination_requests);
	json_writer_integer(w, "refused_connections", s->refused_connections);
	json_writer_close(w, '}');
}

static int print_json(const struct status *s)
{
	_cleanup_answer_ struct answer a = {0};

	answer_begin(&a);
	json_writer_string(&a.w, "status", status_level_name(s->level));
	write_helper(s, &a.w);
	json_writer_integer(&a.w, "services_available", (int64_t)s->available);
	json_writer_integer(&a.w, "services_unavailable", (int64_t)s->unavailable);
	json_writer_integer(&a.w, "services_failing", (int64_t)s->failing);
	json_writer_integer(&a.w, "sessions", (int64_t)s->sessions);
	json_writer_integer(&a.w, "connections_accepted", (int64_t)s->accepted);
	json_writer_integer(&a.w, "connections_refused", (int64_t)s->refused);
	table_write(&s->problems, &a.w, "problems");
	table_write(&s->tokens, &a.w, "tokens");
	table_write(&s->certificates, &a.w, "certificates");
	table_write(&s->sockets, &a.w, "sockets");
	table_write(&s->failures, &a.w, "failures");
	return answer_end(&a) ? s->exit : CLI_FAILED;
}

static bool is_complete(const struct status *s)
{
	return table_check(&s->problems) == 0 && table_check(&s->tokens) == 0 &&
	       table_check(&s->certificates) == 0 && table_check(&s->sockets) == 0 &&
	       table_check(&s->failures) == 0;
}

static void ask(struct status *s, bool for_metrics)
{
	terminal_progress(s->cli, "asking the helper");
	status_ask_helper(s);
	terminal_progress(s->cli, "reading the configuration");
	status_ask_files(s);
	terminal_progress(s->cli, "asking systemd");
	status_ask_host(s);
	terminal_progress(s->cli, "reading the journal");
	status_ask_sessions(s);
	if (!for_metrics)
		status_ask_journal(s);
	terminal_progress_end();
}

int cmd_status(struct cli *c, int argc, char **argv)
{
	_cleanup_status_ struct status s;
	bool openmetrics = false;
	const struct cli_option own[] = {{"openmetrics", &openmetrics, NULL}};
	char **words;

	status_begin(&s, c);
	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 0, 0, &words))
		return CLI_USAGE;
	ask(&s, openmetrics);
	if (!is_complete(&s))
		return cli_fail(-ENOMEM, NULL);
	if (openmetrics) {
		status_print_metrics(&s);
		return CLI_OK;
	}
	return c->json ? print_json(&s) : print(&s);
}
