/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a connection is bound to: which destination of whom its tokens are for. */

#include "macro.h"

/* Strings owned; `tenant` and those below it are NULL if not given. */
struct binding {
	char *service;
	char *destination;
	char *tenant;
	char *fragment;
	char *instance;
	char *level;
};

/* Copies every string: 0 or -ENOMEM. */
_must_check_ int binding_copy(const struct binding *b, struct binding *ret);
void binding_done(struct binding *b);
#define _cleanup_binding_ _cleanup_(binding_done)
