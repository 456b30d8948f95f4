/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who else has, or will have, the ports of our services. Another program that listens at
 * a wildcard address has each of our addresses too: one of the two does not start, and
 * which one may change with the next boot.
 */

#include <stddef.h>

#include "macro.h"

struct manager;
struct services;

struct port_conflict {
	char *service; /* owned, as all */
	char *address; /* "127.88.3.7:143" */
	char *other;   /* who, and where: "dovecot (pid 812) listens on 0.0.0.0:143" */
};

struct port_conflicts {
	struct port_conflict *list; /* owned */
	size_t n;
};

/* `m` may be NULL: then only programs that run are found. 0, or -errno with *ret_why (malloc'd). */
_must_check_ int ports_find_conflicts(const struct services *s, struct manager *m,
    struct port_conflicts *ret, char **ret_why);
void port_conflicts_done(struct port_conflicts *p);
#define _cleanup_port_conflicts_ _cleanup_(port_conflicts_done)
