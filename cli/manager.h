/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* systemd, by its D-Bus interface: which units there are, how they are, starting and stopping. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "macro.h"

struct sd_bus;

/* So many addresses of one socket unit are looked at: two for each service of a group. */
#define MANAGER_LISTEN_MAX 2048

struct manager {
	struct sd_bus *bus; /* owned; NULL when closed */
	char **jobs;	    /* their object paths, owned; those that run */
	size_t n_jobs;
	char *failed; /* the units whose jobs failed, blanks between; owned */
};

/* A unit that systemd has in memory. Strings owned. */
struct manager_unit {
	char *name;
	char *active; /* "active", "inactive", "failed", ... */
	char *sub;    /* "listening", "running", ... */
	char *path;   /* of its object */
};

struct manager_units {
	struct manager_unit *list; /* owned; sorted by name */
	size_t n;
};

/* -ENOTCONN with *ret_why (malloc'd) where there is no systemd to be asked; -ENOMEM. */
_must_check_ int manager_open(struct manager *ret, char **ret_why);
void manager_done(struct manager *m);
#define _cleanup_manager_ _cleanup_(manager_done)

/* Units in memory whose names match (glob(7)): 0, or -errno with *ret_why. */
_must_check_ int manager_units(
    struct manager *m, const char *pattern, struct manager_units *ret, char **ret_why);
/* Unit files likewise: `active` is their state ("enabled", "generated"), the rest is NULL. */
_must_check_ int manager_files(
    struct manager *m, const char *pattern, struct manager_units *ret, char **ret_why);
void manager_units_done(struct manager_units *u);
#define _cleanup_manager_units_ _cleanup_(manager_units_done)
/* Adds a name alone, at the end: 0 or -ENOMEM. When all are there, they are to be sorted. */
_must_check_ int manager_units_add(struct manager_units *u, const char *name);
/* Brings names into their order, each once. */
void manager_units_sort(struct manager_units *u);
/* Adds all of another list, which is then empty: likewise. */
_must_check_ int manager_units_join(struct manager_units *u, struct manager_units *more);
const struct manager_unit *manager_units_find(
    const struct manager_units *u, const char *name);

/* Loads a unit and finds its object: 0 with the path (malloc'd), or -errno. */
_must_check_ int manager_load(struct manager *m, const char *unit, char **ret_path);

/* A number of a unit's object: 0 if there is none. `interface` is "Socket", "Service"... */
uint64_t manager_number(
    struct manager *m, const char *path, const char *interface, const char *property);
/* A text likewise (malloc'd), or NULL. */
char *manager_text(
    struct manager *m, const char *path, const char *interface, const char *property);

/* Where a socket unit listens, as its file says: "127.0.0.1:587", "/run/x.sock"; words with
 * blanks between (malloc'd), or NULL. */
char *manager_listen(struct manager *m, const char *path);

/* Has systemd read all units anew: 0, or -errno with *ret_why. */
_must_check_ int manager_reload(struct manager *m, char **ret_why);

/*
 * Queues a job ("StartUnit", "StopUnit"). A unit that systemd refuses it for (it is masked,
 * say) has failed: 0, or -errno with *ret_why, if systemd cannot be asked any more.
 */
_must_check_ int manager_queue(
    struct manager *m, const char *method, const char *unit, char **ret_why);
/* Waits for all of them; m->failed names the units whose jobs did not end well: 0 or -errno. */
_must_check_ int manager_wait(struct manager *m, char **ret_why);
/* Has systemd forget that a unit failed; one that has not is no harm. */
void manager_reset_failed(struct manager *m, const char *unit);
/* Adds a unit to those that failed, once: 0 or -ENOMEM. */
_must_check_ int manager_note_failure(struct manager *m, const char *unit);
/* Whether it is among these. */
bool manager_has_failed(const struct manager *m, const char *unit);
