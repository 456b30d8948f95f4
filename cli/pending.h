/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What of the configuration is not applied yet, by the units that systemd was given. */

#include "manager.h"
#include "service-state.h"

struct cli;
struct services;
struct service_unit;

struct pending {
	bool is_known;	 /* else nothing is said: it is not the system's */
	bool is_grouped; /* as it is configured */
	struct state_table now,
	    then;		   /* apply-files.h: as configured; as given to systemd */
	struct manager_units gone; /* sockets that systemd has and nobody wants */
};

enum pending_state {
	PENDING_NOT,	 /* systemd knows it as it is configured */
	PENDING_NEW,	 /* it does not know it */
	PENDING_CHANGED, /* it knows another */
};

/* 0, or -errno: -ENOMEM, or as units_write(). */
_must_check_ int pending_read(
    const struct cli *c, struct services *s, struct pending *ret);
void pending_done(struct pending *p);
#define _cleanup_pending_ _cleanup_(pending_done)

/* For one that is served and not left out. */
enum pending_state pending_find(const struct pending *p, const struct service_unit *s);
