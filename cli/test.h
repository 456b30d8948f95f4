/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The path of a session, tried. */

#include "cli.h"
#include "subject.h"

/* Prints each step and the result; an enum cli_status. */
int test_run(const struct cli *c, const struct subject *subject);
