/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who else has, or will have, our ports. Another program that listens at a wildcard
 * address has each of our addresses too: one of the two does not start, and which one may
 * change with the next boot.
 */

#include <stdbool.h>
#include <stddef.h>

#include "macro.h"
#include "network.h"

struct installed;
struct manager;
struct services;

struct port_wanted {
	const char *name; /* the service's; borrowed */
	struct endpoint place;
};

struct ports_wanted {
	struct port_wanted *list; /* owned */
	size_t n;
	bool are_installed; /* those of the installed sockets */
};

/* What is served: 0 or -ENOMEM. */
_must_check_ int ports_of_services(const struct services *s, struct ports_wanted *ret);
/* Where the installed sockets listen, or would: likewise. */
_must_check_ int ports_of_installed(const struct installed *i, struct ports_wanted *ret);
void ports_wanted_done(struct ports_wanted *w);
#define _cleanup_ports_wanted_ _cleanup_(ports_wanted_done)

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
_must_check_ int ports_find_conflicts(const struct ports_wanted *w, struct manager *m,
    struct port_conflicts *ret, char **ret_why);
/* The first one of a service, or NULL. */
const struct port_conflict *port_conflicts_find(
    const struct port_conflicts *p, const char *service);
void port_conflicts_done(struct port_conflicts *p);
#define _cleanup_port_conflicts_ _cleanup_(port_conflicts_done)
