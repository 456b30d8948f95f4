/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a name on the command line means: a service, or else a destination. */

#include <stdbool.h>

#include "cli.h"

/* Strings owned. */
struct subject {
	char *service; /* NULL: a destination was named */
	char *destination;
	char *tenant; /* or NULL */
	char **
	    arguments; /* of a service's handler, the destination last; NULL at the end */
	size_t n_arguments;
	/*
	 * No service has the name, and no file of destinations/: if nobody else knows it (a
	 * Destination service, say), there is no such thing.
	 */
	bool is_nowhere;
};

/*
 * Finds what `name` stands for; `tenant` (NULL for none) is whose destination it shall be.
 * A service wins: its name, or that of its host, or its resource's with `tenant`. 0, also
 * if it is nowhere; -ENOENT with *ret_why (malloc'd) if nothing can be called so; another
 * -errno likewise.
 */
_must_check_ int subject_find(const struct cli *c, const char *name, const char *tenant,
    struct subject *ret, char **ret_why);
void subject_done(struct subject *s);
#define _cleanup_subject_ _cleanup_(subject_done)
