/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A service: a destination for those who may use it, as the arguments of a unit say it.
 * Nothing of it is read from anywhere else.
 */

#include "destination-names.h"
#include "network.h"
#include "settings.h"

#define SERVICE_NETWORKS_MAX 32

/* Which programs on this host may connect; root and the user this runs as always may. */
enum service_clients {
	SERVICE_CLIENTS_SETTING, /* as maildest.conf says: Clients= */
	SERVICE_CLIENTS_EVERYONE,
	SERVICE_CLIENTS_ROOT,
	SERVICE_CLIENTS_GROUP,
};

/* A variable of a destination chain. */
struct service_variable {
	const char *name;
	const char *value;
};

/* Strings borrowed, NULL for what is not given. */
struct service {
	const char *name; /* NULL: the destination's */
	const char *destination;
	const char *tenant;
	const char *fragment; /* one or more, as struct destination_source has them */
	bool fragment_optional;
	const char *instance;
	const char *level, *fragment_level;
	const char *chain;
	struct service_variable variables[DESTINATION_VARIABLES_MAX];
	size_t n_variables;
	enum service_clients clients;
	const char *group; /* SERVICE_CLIENTS_GROUP */
	/* of other hosts that may connect */
	struct network networks[SERVICE_NETWORKS_MAX];
	size_t n_networks;
	bool has_client_login; /* ... else as maildest.conf says */
	enum client_login client_login;
};

/* What logs and the helper call it. */
static inline const char *service_name(const struct service *s)
{
	return s->name ? s->name : s->destination;
}

/*
 * Takes one option of the command line, without its dashes ("tenant", "acme"): 0; -ENOENT
 * if it is none of a service; -EINVAL with *ret_why (malloc'd). `value` is borrowed, and
 * changed where it is a list; NULL for an option without one.
 */
_must_check_ int service_take_option(
    struct service *s, const char *option, char *value, char **ret_why);

/* Options that make no sense without one another: 0, or -EINVAL with *ret_why (malloc'd). */
_must_check_ int service_check(const struct service *s, char **ret_why);
