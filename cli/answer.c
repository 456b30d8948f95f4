/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

void answer_begin(struct answer *a)
{
	*a = (struct answer){0};
	a->w.out = &a->text;
	json_writer_open(&a->w, NULL, '{');
}

bool answer_end(struct answer *a)
{
	int r;

	json_writer_close(&a->w, '}');
	r = json_writer_end(&a->w);
	if (r < 0) {
		cli_complain("the answer cannot be written as JSON: %s", strerror(-r));
		return false;
	}
	puts(secret_str(&a->text));
	return true;
}

void answer_done(struct answer *a)
{
	secret_done(&a->text);
}
