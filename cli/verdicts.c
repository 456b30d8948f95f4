/* SPDX-License-Identifier: Apache-2.0 */
#include "verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"

enum column { KIND, NAME, RESULT, REASON };

static const struct table_column columns[] = {
    [KIND] = {"KIND", "kind"},
    [NAME] = {"NAME", "name"},
    [RESULT] = {"RESULT", "result"},
    [REASON] = {"REASON", "reason"},
};

static const struct {
	const char *word;
	enum table_colour colour;
} levels[] = {
    [VERDICT_OK] = {"ok", TABLE_GOOD},
    [VERDICT_WARNING] = {"warning", TABLE_DOUBTFUL},
    [VERDICT_ERROR] = {"error", TABLE_BAD},
};

void verdicts_begin(struct verdicts *v, const char *only)
{
	*v = (struct verdicts){
	    .table = {.columns = columns, .n_columns = ELEMENTSOF(columns)},
	    .only = only,
	};
}

void verdicts_done(struct verdicts *v)
{
	table_done(&v->table);
}

void verdicts_begin_anew(struct verdicts *v)
{
	const bool leaves_out_ok = v->leaves_out_ok;
	const char *only = v->only;

	verdicts_done(v);
	verdicts_begin(v, only);
	v->leaves_out_ok = leaves_out_ok;
}

bool verdicts_want(const struct verdicts *v, const char *name)
{
	return !v->only || strcmp(v->only, name) == 0;
}

void verdicts_add(struct verdicts *v, const char *kind, const char *name,
    enum verdict_level level, const char *reason)
{
	if (level == VERDICT_OK && v->leaves_out_ok)
		return;
	table_row(&v->table);
	table_text(&v->table, KIND, TABLE_PLAIN, kind);
	table_text(&v->table, NAME, TABLE_PLAIN, name);
	table_text(&v->table, RESULT, levels[level].colour, levels[level].word);
	table_text(&v->table, REASON, TABLE_PLAIN, reason);
	v->n_warnings += level == VERDICT_WARNING;
	v->n_errors += level == VERDICT_ERROR;
}

void verdicts_add_result(
    struct verdicts *v, const char *kind, const char *name, int error, const char *reason)
{
	v->was_denied |= error == -EACCES;
	if (error < 0 && !reason)
		reason = strerror(-error);
	verdicts_add(v, kind, name, error < 0 ? VERDICT_ERROR : VERDICT_OK, reason);
}

static int status_of(const struct verdicts *v)
{
	if (v->only && v->table.n_rows == 0)
		return CLI_NOTHING;
	if (v->n_errors == 0)
		return CLI_OK;
	return v->was_denied ? CLI_ACCESS : CLI_CONFIGURATION;
}

static bool print_json(const struct verdicts *v)
{
	_cleanup_answer_ struct answer a = {0};

	answer_begin(&a);
	json_writer_boolean(&a.w, "ok", v->n_errors == 0);
	table_write(&v->table, &a.w, "results");
	return answer_end(&a);
}

int verdicts_report(const struct verdicts *v, const struct cli *c)
{
	if (table_check(&v->table) < 0)
		return cli_fail(-ENOMEM, NULL);
	if (c->json)
		return print_json(v) ? status_of(v) : CLI_FAILED;
	table_print(&v->table, c);
	if (v->table.n_rows == 0)
		cli_complain(
		    v->only ? "there is nothing of that name" : "nothing is configured");
	return status_of(v);
}
