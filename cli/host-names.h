/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The names that this host knows already, and that a service must not take: its own, and
 * those of its /etc/hosts (hosts(5)). What `maildest hosts` once put there does not count:
 * it stands between two lines that tell of it.
 */

#include "services.h"

#define HOST_NAMES_FILE "/etc/hosts"
#define HOST_NAMES_BEGIN "# maildest: begin"
#define HOST_NAMES_END "# maildest: end"

struct host_names {
	char *own; /* as gethostname(2) has it; owned, NULL for none */
	struct host_name {
		char *name; /* owned */
		struct address address;
	} * list; /* in the file's order; owned */
	size_t n;
};

/* Reads `file`; without one there are none. `own` is copied, or NULL. 0 or -errno. */
_must_check_ int host_names_read(
    const char *file, const char *own, struct host_names *ret);
/* The same of this host. */
_must_check_ int host_names_read_all(struct host_names *ret);
void host_names_done(struct host_names *h);
#define _cleanup_host_names_ _cleanup_(host_names_done)

/*
 * Whether one of a service's names is another's already: 1 with *ret_why (malloc'd), 0 or
 * -ENOMEM.
 */
_must_check_ int host_names_complain(
    const struct host_names *h, const struct service_unit *s, char **ret_why);
