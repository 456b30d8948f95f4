/* SPDX-License-Identifier: Apache-2.0 */

#include "report.h"

#include <errno.h>
#include <stdio.h>

void report_begin(struct report *r)
{
	*r = (struct report){.w = {.out = &r->text}};
	json_writer_open(&r->w, NULL, '{');
}

void report_done(struct report *r)
{
	secret_done(&r->text);
}

int report_print(struct report *r)
{
	int error;

	json_writer_close(&r->w, '}');
	error = json_writer_end(&r->w);
	if (error < 0)
		return error;
	return puts(secret_str(&r->text)) < 0 || fflush(stdout) != 0 ? -errno : 0;
}
