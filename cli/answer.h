/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A command's whole answer in JSON, on one line. */

#include "json-writer.h"
#include "secret.h"

struct answer {
	struct secret text;
	struct json_writer w;
};

/* Begins the object; members are written to a->w. */
void answer_begin(struct answer *a);
/* Ends and prints it. False if it could not be, which has been said. */
bool answer_end(struct answer *a);

void answer_done(struct answer *a);
#define _cleanup_answer_ _cleanup_(answer_done)
