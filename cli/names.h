/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What lies in a folder of the configuration. */

#include <stddef.h>
#include <stdbool.h>

#include "config.h"

struct name {
	char *text; /* the file's name; owned */
	bool is_folder;
};

/* Sorted; without names that begin with a dot. */
struct names {
	struct name *list; /* owned */
	size_t n;
};

/* 0, also if there is no such folder; -errno with *ret_why (malloc'd). */
_must_check_ int names_read(
    const struct config *c, const char *folder, struct names *ret, char **ret_why);
void names_done(struct names *n);
#define _cleanup_names_ _cleanup_(names_done)

/* The name without ".json" (malloc'd): 1; 0 if it is no such name; -ENOMEM. */
_must_check_ int names_strip_json(const char *file, char **ret);
