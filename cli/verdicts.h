/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a check found: one row for each thing that was looked at. */

#include "table.h"

enum verdict_level {
	VERDICT_OK,
	VERDICT_WARNING,
	VERDICT_ERROR,
};

struct verdicts {
	struct table table;
	const char *only;   /* borrowed; NULL: all; else rows of this name alone */
	bool leaves_out_ok; /* what is well has no rows */
	size_t n_warnings, n_errors;
	bool was_denied; /* of the errors, one is that we may not read */
};

void verdicts_begin(struct verdicts *v, const char *only);
void verdicts_done(struct verdicts *v);
/* Drops all rows; what is wanted stays. */
void verdicts_begin_anew(struct verdicts *v);
#define _cleanup_verdicts_ _cleanup_(verdicts_done)

/* Whether a thing of that name is to be looked at. */
bool verdicts_want(const struct verdicts *v, const char *name);

/* Adds a row; `reason` NULL for none. */
void verdicts_add(struct verdicts *v, const char *kind, const char *name,
    enum verdict_level level, const char *reason);

/* The same of an -errno with its reason (NULL: the errno's words); 0 is well. */
void verdicts_add_result(struct verdicts *v, const char *kind, const char *name,
    int error, const char *reason);

/* Prints all; an enum cli_status. */
int verdicts_report(const struct verdicts *v, const struct cli *c);
