/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parameters of a varlink call, read by a table into a structure. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

enum parameter_type {
	PARAMETER_BOOLEAN, /* bool */
	PARAMETER_STRING,  /* const char *: borrowed from the message */
	PARAMETER_INTEGER, /* int64_t */
	PARAMETER_OBJECT,  /* struct json_value */
};

struct parameter {
	const char *name;
	enum parameter_type type;
	bool required;
	size_t offset;
};

/*
 * Reads all of an object's members into `target`; what is absent or null stays as it was.
 * NULL, or the name of the first parameter that is unknown, missing or of the wrong type.
 */
const char *parameters_read(
    struct json_value object, const struct parameter *table, size_t n, void *target);

/* Whether a string is a SHA-256 as the protocol has it: 64 lower-case hexadecimal digits. */
bool parameter_is_sha256(const char *text);
