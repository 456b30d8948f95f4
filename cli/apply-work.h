/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the apply*.c files share; for nobody else. */

#include "apply.h"
#include "manager.h"
#include "places.h"
#include "services.h"
#include "signals.h"

/* What apply_run() works with. */
struct apply_work {
	struct manager manager;
	struct services services;		 /* what is configured */
	struct state_table noted, before, after; /* hashes of units, see apply-files.h */
	struct manager_units wanted;		 /* sockets: foreseen, then unit files */
	bool wanted_forks;			 /* each has a service of the same name */
	struct manager_units running,
	    listeners;		     /* in memory: sockets, forking services */
	struct manager_units masked; /* sockets that the administrator masked */
	struct manager_units held; /* sockets with a conflict, but not those of groups */
	struct sockets_seen sockets;
	int lock;   /* STATE_LOCK_TABLES; -1: not taken */
	int parent; /* of what is kept (kept-units.h); -1: not opened */
	struct signals_held signals;
};

/* The unit with another suffix, ".socket" or ".service" (malloc'd), or NULL. */
char *apply_sibling(const char *unit, const char *suffix);
/* Whether something of the unit runs. */
bool apply_is_up(const struct manager_unit *u);

/*
 * Before the reload: what runs and is wanted no more, or only without its forking
 * service. 0 or -ENOMEM, as below.
 */
_must_check_ int apply_plan_stops(const struct apply_work *w, struct apply *a);
/* After it: what is not open. */
_must_check_ int apply_plan_starts(struct apply_work *w, struct apply *a);

/*
 * Stops all that has to go or to start anew, and waits until nothing of it has a port;
 * then the other starts all of these. Units that fail are noted: 0, or -errno with
 * *ret_why.
 */
_must_check_ int apply_stop(struct apply_work *w, struct apply *a, char **ret_why);
_must_check_ int apply_start(struct apply_work *w, struct apply *a, char **ret_why);

/*
 * Before anything is stopped: sets what has changed, `w->before` and `w->after`; but for a
 * dry run, also makes a draft of the units that are to be kept from the reload on. 0, or
 * -errno with *ret_why.
 */
_must_check_ int apply_draft(struct apply_work *w, bool dry_run, char **ret_why);
/* What systemd is to read from now on is the draft: 0, or -errno with *ret_why. */
_must_check_ int apply_reload(struct apply_work *w, char **ret_why);

/* Sets `w->held`, which services are left out, and `a->conflicts`: 0, or -errno with *ret_why. */
_must_check_ int apply_hold_conflicts(
    struct apply_work *w, struct apply *a, char **ret_why);
