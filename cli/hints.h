/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What to do about a failure. */

#include "destination.h"

/*
 * A hint for an operator: `error` is a session's -errno (refusal.h). Constant. Never
 * NULL, as each failure has something that can be tried.
 */
const char *hints_find(int error, const struct destination *d);
