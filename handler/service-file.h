/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The services of one forking handler: a file that maildest-generator writes beside its
 * units, a line for each. A line is the options that the service's own unit would have,
 * "--", the destination, and where the service listens, with one blank between all:
 *
 *	--service=mail_t1 --tenant=t1 --clients=everyone -- Mail 127.88.3.7:587 /run/x.sock
 *
 * '#' begins a comment line.
 */

#include <sys/stat.h>

#include "service.h"

struct service_entry {
	char *line; /* owned; the strings of the service lie in it */
	struct service service;
	char **places; /* owned list of borrowed strings, as service_place() has them */
	size_t n_places;
};

struct service_file {
	struct service_entry *list; /* owned */
	size_t n;
	struct stat st; /* of what was read */
};

/*
 * Reads it. It must belong to root or to the user this runs as, and nobody else may write
 * to it. 0; -errno with *ret_why (malloc'd) naming file, line and reason.
 */
_must_check_ int service_file_read(
    const char *path, struct service_file *ret, char **ret_why);
void service_file_done(struct service_file *f);
#define _cleanup_service_file_ _cleanup_(service_file_done)

/* Whether a file of that name is there, and another one, or has changed. */
bool service_file_is_stale(const struct service_file *f, const char *path);

/* Where a socket listens: "127.0.0.1:587", "[::1]:587" or a path; malloc'd; NULL if unknown. */
char *service_place(int fd);

/* The service that listens there, borrowed, or NULL. */
const struct service *service_file_find(const struct service_file *f, const char *place);
