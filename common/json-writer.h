/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Writes JSON into a secret buffer. Errors stick: after one, nothing more is written and
 * json_writer_end() reports it, so that callers check once. Keys are NULL inside arrays
 * and for the root.
 */

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"

struct json_writer {
	struct secret *out; /* borrowed */
	int error;	    /* 0 or the first -errno */
	bool comma;	    /* the next member needs a comma before it */
};

void json_writer_open(struct json_writer *w, const char *key, char bracket);
void json_writer_close(struct json_writer *w, char bracket);
void json_writer_string(struct json_writer *w, const char *key, const char *value);
void json_writer_integer(struct json_writer *w, const char *key, int64_t value);
void json_writer_boolean(struct json_writer *w, const char *key, bool value);

/* 0, or the first error: -ENOMEM, or -EILSEQ if a string was not valid UTF-8. */
_must_check_ int json_writer_end(const struct json_writer *w);
