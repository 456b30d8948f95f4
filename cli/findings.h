/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a session knows after each of its phases, as details of the step. */

#include "steps.h"

struct session; /* the handler's */

/* Adds to the step that runs, which is the session's phase `phase`. */
void findings_add(struct steps *steps, const struct session *s, const char *phase);
