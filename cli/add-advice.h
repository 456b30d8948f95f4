/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an application has to be told about a service that `maildest add` has made. */

#include <stdbool.h>

#include "cli.h"

/*
 * Where it connects, with which login (`wants_grant`: each client brings its own grant),
 * and as whom: two lines (malloc'd). NULL if that cannot be told.
 */
char *add_advice(const struct cli *c, const char *service, bool wants_grant);
