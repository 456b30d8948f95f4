/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a name on the command line means: a service, or else a destination. */

#include "cli.h"

/* Strings owned. */
struct subject {
	char *service; /* NULL: a destination was named */
	char *destination;
	char *tenant; /* or NULL */
	char **
	    arguments; /* of a service's handler, the destination last; NULL at the end */
	size_t n_arguments;
};

/*
 * Finds what `name` stands for; `tenant` (NULL for none) is whose destination it shall be.
 * A service wins: its name, or that of its host, or its resource's with `tenant`; whether
 * a destination is there is not looked at. 0; -errno with *ret_why (malloc'd).
 */
_must_check_ int subject_find(const struct cli *c, const char *name, const char *tenant,
    struct subject *ret, char **ret_why);
void subject_done(struct subject *s);
#define _cleanup_subject_ _cleanup_(subject_done)
