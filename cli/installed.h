/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The sockets that the installation brings: 587, 143 and 110 of 127.0.0.1, each for the
 * destination of its service's name, and each as two units that take turns at the port.
 */

#include <stdbool.h>
#include <stddef.h>

#include "macro.h"

#define INSTALLED_MAX 6

struct manager;
struct sockets_seen;

struct installed_socket {
	const char *service; /* "smtp"; constant */
	const char *unit;    /* "maildest-smtp.socket"; constant */
	char *active;	     /* "active", "failed", "inactive", ...; owned */
	char *listen;	     /* manager_listen(); owned */
	char *result;	     /* systemd's word for a failure: "resources", ...; owned */
};

struct installed {
	struct installed_socket list[INSTALLED_MAX];
	size_t n;
};

/* Those that are enabled, or were started: 0 or -ENOMEM. */
_must_check_ int installed_read(struct manager *m, struct installed *ret);
void installed_done(struct installed *i);
#define _cleanup_installed_ _cleanup_(installed_done)

/* Whether a unit is one of them. */
bool installed_has(const char *unit);

/* How it is: "listening"; "deaf", which is active without its port; else systemd's word. */
const char *installed_state(
    const struct installed_socket *s, const struct sockets_seen *sockets);
/*
 * Why it does not listen, and what to do; `other` is who has its port, NULL if nobody is
 * known. malloc'd; NULL without memory.
 */
char *installed_explain(const struct installed_socket *s, const char *other);
