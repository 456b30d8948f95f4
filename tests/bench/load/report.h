/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the program has to say: one line of JSON on standard output. */

#include "json-writer.h"
#include "macro.h"

struct report {
	struct secret text;
	struct json_writer w; /* for the members */
};

void report_begin(struct report *r);
void report_done(struct report *r);
#define _cleanup_report_ _cleanup_(report_done)

/* Prints it, at once: 0 or -errno. */
_must_check_ int report_print(struct report *r);
