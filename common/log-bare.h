/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Records in a buffer of fixed size, for when there is no memory for better ones. What is
 * not printable ASCII becomes '?', and a field that does not fit is left out.
 */

#include <stddef.h>

#include "log.h"

/* Starts empty: {0}. */
struct log_bare {
	char text[2048];
	size_t len; /* of the text, which has no NUL at its end */
};

/* Appends fields in the journal's form, one a line; those without a value are left out. */
void log_bare_native(struct log_bare *b, const struct log_field *fields, size_t n);

/* The form for standard error: "<priority>identifier: message [NAME="value" ...]". */
void log_bare_readable(struct log_bare *b, const char *priority, const char *identifier,
    const char *message, const struct log_field *fields, size_t n);
