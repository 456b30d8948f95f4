/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Making the sockets that run those that the configuration means. */

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"

/* What was, or would be, done to a unit. Strings owned, but the action. */
struct apply_step {
	char *unit;
	const char *action; /* "start", "stop", "restart" */
	bool is_stopped;    /* that part of it is done */
};

struct apply {
	struct apply_step *steps; /* owned */
	size_t n;
	char *failed;	 /* units that did not do it, blanks between; NULL: none; owned */
	char *masked;	 /* units left out, as the administrator masked them; likewise */
	char *conflicts; /* lines, each with its end; NULL: none; owned */
	char *broken;	/* resources and services with something against them, likewise */
	char *warning;	/* of the settings or the state, or NULL; owned */
	bool is_forced; /* what is in conflict was not left out */
};

void apply_done(struct apply *a);
#define _cleanup_apply_ _cleanup_(apply_done)

/*
 * Records addresses and the resources as they are, reloads systemd, stops sockets that
 * are no more, restarts those that changed or are deaf, starts the new ones; cuts no
 * session. Left out are masked sockets (ret->masked) and, without `force`, those with a
 * port that another program has, or will have (ret->conflicts). With `dry_run` it only
 * says what of that it knows beforehand. 0, or -errno with *ret_why (malloc'd).
 */
_must_check_ int apply_run(
    const struct cli *c, bool dry_run, bool force, struct apply *ret, char **ret_why);

/*
 * Keeps the units that systemd has (kept-units.h), unless some are kept already: at boot,
 * where nothing is applied. 0, or -errno with *ret_why.
 */
_must_check_ int apply_keep(const struct cli *c, char **ret_why);

/* Complains of such lines, each for itself. */
void apply_complain(const char *what, const char *lines);

/* An enum cli_status: whether all sockets are as they shall be. */
int apply_status(const struct apply *a);
/* Prints it; the same. */
int apply_report(const struct cli *c, const struct apply *a, bool dry_run);

/*
 * Who else has the port of a service that is to come, lines (malloc'd), or NULL. 0, or
 * -errno with *ret_why: -ENOTCONN where systemd cannot be asked.
 */
_must_check_ int apply_find_conflict(
    const struct cli *c, const char *service, char **ret, char **ret_why);
