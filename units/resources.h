/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * All Destination resources of a configuration: the files of services/, and for those
 * that cannot be read any more, the copies that were made when they could
 * (.state/services/, see service-state.h). What is wrong with a document, or with a whole file,
 * is the verdict of an entry; nothing else suffers by it.
 */

#include "config.h"
#include "resource.h"

#define RESOURCES_FOLDER "services"
#define RESOURCES_COPIES ".state/services"
#define RESOURCES_FILE_MAX CONFIG_CERTIFICATE_MAX
#define RESOURCES_MAX 16384

struct resource_entry {
	struct resource resource;
	bool is_skipped; /* not ours; the reason is resource.warning */
	bool is_copy;	 /* its file says nothing valid of it any more */
};

struct resources {
	struct resource_entry *list; /* sorted by file and place; copies last; owned */
	size_t n;
	bool is_full; /* there were more than RESOURCES_MAX: the rest is left out */
};

/* 0, also without any; -ENOMEM. */
_must_check_ int resources_read(const struct config *c, struct resources *ret);
void resources_done(struct resources *r);
#define _cleanup_resources_ _cleanup_(resources_done)

/* Adds the documents of one file's text; the name's suffix says what they are: 0 or -ENOMEM. */
_must_check_ int resources_add_text(
    struct resources *r, const char *file, const char *text, size_t len);

/* The file that a resource of this name was in when it was valid (malloc'd), or NULL: 0 or
 * -ENOMEM. */
_must_check_ int resources_recorded_file(
    const struct config *c, const char *name, char **ret);

/* Whether a file's name ends in .yaml, .yml or .json, and does not begin with a dot. */
bool resources_file_counts(const char *file);

/* Adds an entry: its index is r->n - 1. NULL without memory. Only while r->n < RESOURCES_MAX. */
struct resource_entry *resources_add(
    struct resources *r, const char *file, unsigned line);

/* resource-copies.c; for resources.c: adds the copies that count. 0 or -ENOMEM. */
_must_check_ int resources_add_copies(const struct config *c, struct resources *r);
