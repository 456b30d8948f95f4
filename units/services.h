/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Services: what Destination resources become, one each, or one for each tenant. Where
 * they listen, who may connect, and what their handler is told; and what is wrong with
 * them. All texts are DNS labels, names, decimal numbers and canonical addresses.
 */

#include "destination.h"
#include "resources.h"
#include "settings.h"
#include "service-state.h"

#define SERVICES_SOCKETS "/run/maildest/services"
#define SERVICE_NAME_MAX 100
/* Of all resources together: systemd takes milliseconds for each at boot. */
#define SERVICES_MAX 16384

enum service_unit_access {
	ACCESS_ROOT, /* the group that may does not exist */
	ACCESS_GROUP,
	ACCESS_EVERYONE,
};

struct service_unit {
	char *name;			 /* "<resource>" or "<resource>_<tenant>" */
	char *host;			 /* "<resource>" or "<resource>-<tenant>" */
	const struct resource *resource; /* borrowed from the same struct services */
	const char *tenant;		 /* borrowed; NULL for none */
	bool is_copy; /* of a resource that its file does not have any more */

	/*
	 * Whether it has a socket. One that has may still have a verdict against it (its
	 * destination is missing, say): its clients are told so, and once that is healed,
	 * it works without further ado.
	 */
	bool is_served;
	/*
	 * Whether apply found its port in use and left it out: at the next boot it might
	 * take it from whoever has it, and in a group, one port that cannot be opened would
	 * cost all of them theirs.
	 */
	bool is_left_out;
	struct verdict verdict;
	char *warning; /* what is odd, yet accepted; or NULL */

	bool knows_protocol;
	enum mail_protocol protocol;
	struct endpoint endpoint;
	bool is_recorded; /* the address is in .state/addresses, or needs not to be */
	char *socket;	  /* path of the Unix socket */
	char *
	    unit; /* the socket unit's name, which in groups many share; NULL: not served */

	enum service_unit_access access;
	char *group;	     /* who may connect, if access is ACCESS_GROUP */
	bool group_is_known; /* it is in /etc/group: a socket can be given to it */

	char *
	    *arguments; /* of the handler, NULL at the end; the last is the destination */
	size_t n_arguments;
};

struct services {
	char *path; /* of the configuration */
	struct settings settings;
	struct resources resources;
	struct state_table addresses, places, protocols, found, refusals, left_out;
	struct service_unit *list; /* in the order of resources and their tenants */
	size_t n;
	bool is_full;  /* of SERVICES_MAX: there are more */
	char *warning; /* of the settings or the state as a whole; or NULL */
};

/*
 * Reads everything. `group_file` is NULL for /etc/group. What is wrong with parts is
 * their verdict; with maildest.conf or the state, the warning: then nobody but root may
 * connect to what has no valid setting. 0; -ENOMEM; -EIO (digest.h).
 */
_must_check_ int services_load(
    const struct config *c, const char *group_file, struct services *ret);
void services_done(struct services *s);
#define _cleanup_services_ _cleanup_(services_done)

/* The service of that name, or NULL. */
const struct service_unit *services_find(const struct services *s, const char *name);

/* The Destination service that the destination lives in, or NULL: in files. Borrowed. */
const char *service_unit_instance(
    const struct service_unit *s, const struct services *all);

/* "<host>.<namespace>", malloc'd, or NULL if there is no namespace (errno 0) or no memory. */
char *service_unit_long_host(const struct service_unit *s);

/*
 * Records the addresses and places of all services that are served, the protocols that
 * files say, which are left out, copies of all valid resources and of maildest.conf, and
 * forgets the copies of resources that are gone. Addresses of services that are gone are
 * kept for when they return. 0, or -errno with *ret_why.
 */
_must_check_ int services_record(
    const struct config *c, struct services *s, char **ret_why);

/* Remembers the protocol of a service's destination in a Destination service: as above. */
_must_check_ int services_record_protocols(
    const struct config *c, const struct state_table *protocols, char **ret_why);

/* Adds why a service's Destination service told nothing to such a table: 0 or -ENOMEM. */
_must_check_ int services_add_refusal(
    struct state_table *refusals, const char *service, const char *reason);
/* Remembers these in place of the last ones: as above. */
_must_check_ int services_record_refusals(
    const struct config *c, const struct state_table *refusals, char **ret_why);
