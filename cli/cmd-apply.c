/* SPDX-License-Identifier: Apache-2.0 */
/* maildest apply. */

#include <errno.h>
#include <stdio.h>

#include "answer.h"
#include "apply.h"
#include "options.h"
#include "table.h"

enum column { UNIT, ACTION };

static const struct table_column columns[] = {
    [UNIT] = {"SOCKET", "unit"},
    [ACTION] = {"ACTION", "action"},
};

static int print_json(const struct apply *a, const struct table *t, bool dry_run)
{
	_cleanup_answer_ struct answer answer = {0};

	answer_begin(&answer);
	json_writer_boolean(&answer.w, "dry_run", dry_run);
	table_write(t, &answer.w, "steps");
	if (a->conflicts)
		json_writer_string(&answer.w, "conflicts", a->conflicts);
	if (a->failed)
		json_writer_string(&answer.w, "failed", a->failed);
	return answer_end(&answer) ? CLI_OK : CLI_FAILED;
}

static void print(const struct cli *c, const struct apply *a, const struct table *t)
{
	table_print(t, c);
	if (t->n_rows == 0)
		puts("All sockets are as they shall be.");
	if (a->conflicts)
		cli_complain(
		    "ports that others have too, as --force wants it:\n%s", a->conflicts);
	if (a->failed)
		cli_complain("failed, see journalctl -u UNIT: %s", a->failed);
}

int apply_report(const struct cli *c, const struct apply *a, bool dry_run)
{
	_cleanup_table_ struct table t = {
	    .columns = columns, .n_columns = ELEMENTSOF(columns)};

	for (size_t i = 0; i < a->n; i++) {
		table_row(&t);
		table_text(&t, UNIT, TABLE_PLAIN, a->steps[i].unit);
		table_text(&t, ACTION, TABLE_PLAIN, a->steps[i].action);
	}
	if (table_check(&t) < 0)
		return cli_fail(-ENOMEM, NULL);
	if (!c->json)
		print(c, a, &t);
	else if (print_json(a, &t, dry_run) != CLI_OK)
		return CLI_FAILED;
	return a->failed ? CLI_FAILED : CLI_OK;
}

int cmd_apply(struct cli *c, int argc, char **argv)
{
	_cleanup_apply_ struct apply a = {0};
	_cleanup_free_ char *why = NULL;
	bool dry_run = false, force = false;
	const struct cli_option own[] = {
	    {"dry-run", &dry_run, NULL},
	    {"force", &force, NULL},
	};
	char **words;
	int r;

	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 0, 0, &words))
		return CLI_USAGE;
	r = apply_run(c, dry_run, force, &a, &why);
	if (r == -EADDRINUSE) {
		cli_complain("nothing was done, as others have these ports too (--force "
			     "does it all the same):\n%s",
		    a.conflicts);
		return CLI_CONFIGURATION;
	}
	return r < 0 ? cli_fail(r, why) : apply_report(c, &a, dry_run);
}
