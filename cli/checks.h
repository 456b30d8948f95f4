/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Looking at the configuration, part by part; nothing is connected to. */

#include "config.h"
#include "settings.h"
#include "verdicts.h"

struct services;

struct check {
	const struct cli *cli;
	struct config config;
	struct verdicts verdicts;
};

/* All that the configuration has, or of the name that the verdicts want. */
void check_settings(struct check *k);
void check_destinations(struct check *k);
void check_fragments(struct check *k);
void check_services(struct check *k);
void check_connectivity(struct check *k);
void check_instances(struct check *k);
void check_clients(struct check *k);
/* Of services whose clients have to log in. */
void check_missing_clients(struct check *k, const struct services *s);
/* Of services, and of the installed sockets: who else has them. */
void check_ports(struct check *k, const struct services *s);

/* check-destination.c: one destination, `tenant` NULL for none. */
void check_destination(struct check *k, const char *name, const char *tenant);
