/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Making the sockets that run those that the configuration means. */

#include <stddef.h>

#include "cli.h"

/* What was, or would be, done to a unit. Strings owned, but the action. */
struct apply_step {
	char *unit;
	const char *action; /* "start", "stop", "restart" */
};

struct apply {
	struct apply_step *steps; /* owned */
	size_t n;
	char *failed;	 /* units that did not do it, blanks between; NULL: none; owned */
	char *conflicts; /* lines, each with its end; NULL: none; owned */
};

void apply_done(struct apply *a);
#define _cleanup_apply_ _cleanup_(apply_done)

/*
 * Records addresses and the resources as they are, reloads systemd, stops sockets that
 * are no more, restarts those that changed or are deaf, starts the new ones; cuts no
 * session. With `dry_run` it only says what of that it knows beforehand. 0; -EADDRINUSE
 * if another program has, or will have, one of the ports and not `force` (a->conflicts);
 * -errno with *ret_why (malloc'd).
 */
_must_check_ int apply_run(
    const struct cli *c, bool dry_run, bool force, struct apply *ret, char **ret_why);

/* Prints it; an enum cli_status. */
int apply_report(const struct cli *c, const struct apply *a, bool dry_run);
