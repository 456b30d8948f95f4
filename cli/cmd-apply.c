/* SPDX-License-Identifier: Apache-2.0 */
/* maildest apply. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "apply.h"
#include "identity.h"
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
	if (a->broken)
		json_writer_string(&answer.w, "broken", a->broken);
	if (a->masked)
		json_writer_string(&answer.w, "masked", a->masked);
	if (a->warning)
		json_writer_string(&answer.w, "warning", a->warning);
	if (a->failed)
		json_writer_string(&answer.w, "failed", a->failed);
	return answer_end(&answer) ? CLI_OK : CLI_FAILED;
}

void apply_complain(const char *what, const char *lines)
{
	cli_complain("%s:", what);
	for (size_t n; *lines; lines += n + (lines[n] == '\n')) {
		n = strcspn(lines, "\n");
		cli_complain("%.*s", (int)n, lines);
	}
}

static void print(const struct cli *c, const struct apply *a, const struct table *t)
{
	table_print(t, c);
	if (t->n_rows == 0)
		puts(a->conflicts || a->masked || a->broken
			 ? "All other sockets are as they shall be."
			 : "All sockets are as they shall be.");
	if (a->warning)
		cli_complain("%s", a->warning);
	if (a->broken)
		apply_complain("not as they should be (maildest check)", a->broken);
	if (a->conflicts)
		apply_complain(a->is_forced
				   ? "ports that others have too, as --force wants it"
				   : "left out, as others have these ports too (--force "
				     "opens them all the same)",
		    a->conflicts);
	if (a->masked)
		cli_complain("left out, as they are masked (systemctl unmask UNIT): %s",
		    a->masked);
	if (a->failed)
		cli_complain("failed, see journalctl -u UNIT: %s", a->failed);
}

int apply_status(const struct apply *a)
{
	if (a->failed)
		return CLI_FAILED;
	return a->warning || (a->conflicts && !a->is_forced) ? CLI_CONFIGURATION : CLI_OK;
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
	return apply_status(a);
}

/* Steps that come of one folder, for units that come of another, would close ports. */
static int refuse(const struct cli *c)
{
	if (identity_is_elsewhere(c)) {
		cli_complain("apply is for /etc/maildest alone: systemd's generator "
			     "reads no other folder");
		return CLI_USAGE;
	}
	cli_complain("apply is for root alone");
	return CLI_ACCESS;
}

int cmd_apply(struct cli *c, int argc, char **argv)
{
	_cleanup_apply_ struct apply a = {0};
	_cleanup_free_ char *why = NULL;
	bool dry_run = false, force = false, is_keeping = false;
	const struct cli_option own[] = {
	    {"dry-run", &dry_run, NULL},
	    {"force", &force, NULL},
	    {"keep", &is_keeping, NULL},
	};
	char **words;
	int r;

	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 0, 0, &words))
		return CLI_USAGE;
	if (!identity_is_systems(c))
		return refuse(c);
	if (is_keeping) {
		r = apply_keep(c, &why);
		return r < 0 ? cli_fail(r, why) : CLI_OK;
	}
	r = apply_run(c, dry_run, force, &a, &why);
	if (r < 0)
		return cli_fail(r, why);
	r = apply_report(c, &a, dry_run);
	return r == CLI_OK && a.broken ? CLI_CONFIGURATION : r;
}
