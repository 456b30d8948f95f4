/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <stdarg.h>
#include <string.h>

#include "text.h"

static const struct table_column problem_columns[] = {
    {"LEVEL", "level"},
    {"PROBLEM", "problem"},
};
static const struct table_column token_columns[] = {
    {"DESTINATION", "destination"},
    {"TENANT", "tenant"},
    {"INSTANCE", "instance"},
    {"STATE", "state"},
    {"LEFT", "expires_in"},
    {"WAITING", "waiters"},
    {"REASON", "reason"},
};
static const struct table_column certificate_columns[] = {
    {"FILE", "file"},
    {"ENDS", "not_after"},
    {"LEFT", "left"},
    {"SUBJECT", "subject"},
};
static const struct table_column socket_columns[] = {
    {"SOCKET", "unit"},
    {"STATE", "state"},
    {"OPEN", "connections"},
    {"ACCEPTED", "accepted"},
    {"REFUSED", "refused"},
};
static const struct table_column failure_columns[] = {
    {"TIME", "time"},
    {"SERVICE", "service"},
    {"RESULT", "result"},
    {"WHAT", "message"},
};

static const struct {
	const char *name;
	enum table_colour colour;
} levels[] = {
    [STATUS_OK] = {"ok", TABLE_GOOD},
    [STATUS_WARNING] = {"warning", TABLE_DOUBTFUL},
    [STATUS_CRITICAL] = {"critical", TABLE_BAD},
};

const char *status_level_name(enum status_level level)
{
	return levels[level].name;
}

static struct table table_of(const struct table_column *columns, size_t n)
{
	return (struct table){.columns = columns, .n_columns = n};
}

void status_begin(struct status *s, const struct cli *c)
{
	*s = (struct status){
	    .cli = c,
	    .problems = table_of(problem_columns, ELEMENTSOF(problem_columns)),
	    .tokens = table_of(token_columns, ELEMENTSOF(token_columns)),
	    .certificates =
		table_of(certificate_columns, ELEMENTSOF(certificate_columns)),
	    .sockets = table_of(socket_columns, ELEMENTSOF(socket_columns)),
	    .failures = table_of(failure_columns, ELEMENTSOF(failure_columns)),
	};
}

void status_done(struct status *s)
{
	table_done(&s->problems);
	table_done(&s->tokens);
	table_done(&s->certificates);
	table_done(&s->sockets);
	table_done(&s->failures);
	expiries_done(&s->expiries);
	free(s->helper_version);
}

void status_add_problem(
    struct status *s, enum status_level level, int exit, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = text_vformat(format, arguments);
	va_end(arguments);
	table_row(&s->problems);
	table_text(&s->problems, 0, levels[level].colour, levels[level].name);
	table_text(&s->problems, 1, TABLE_PLAIN, text ? text : "(no memory for it)");
	if (level <= s->level)
		return;
	s->level = level;
	s->exit = exit;
}
