/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What every check program's main() does. */

#include <check.h>
#include <stddef.h>

/* Runs the tests, each in a process of its own; returns what main() returns. */
int check_program(const char *module, const TTest *const *tests, size_t n);
