/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The steps of services_load(). All return 0 or -ENOMEM; what is wrong becomes a verdict. */

#include "services.h"

/* The names in a file of groups (group(5)), read without the name service switch. */
struct group_names {
	char **list; /* sorted; owned */
	size_t n;
};

/* A file that cannot be read has no groups. */
_must_check_ int group_names_read(const char *path, struct group_names *ret);
void group_names_done(struct group_names *g);

/* Adds a warning to a text that is NULL or has others. */
_must_check_ int service_unit_warn(char **warning, const char *format, ...)
    _printf_(2, 3);

/* In .state/, see service-state.h. */
#define SERVICES_FOUND "found"
#define SERVICES_LEFT_OUT "left-out"
#define SERVICES_PLACES "places"

/* services-access.c: who may connect. `is_sure`: the settings could be read. */
_must_check_ int service_unit_set_access(struct service_unit *s,
    const struct settings *settings, bool is_sure, const struct group_names *groups);

/* services-protocol.c: the protocol, or a verdict; with both, it was found earlier. */
_must_check_ int service_unit_set_protocol(
    struct service_unit *s, const struct config *c, const struct services *all);

/* services-names.c: two resources, or two services, of one name: the newer one is wrong. */
_must_check_ int services_check_resources(struct services *s, const struct config *c);
_must_check_ int services_check_hosts(struct services *s);

/* services-places.c: addresses, ports and paths; of two that are equal the newer one is wrong. */
_must_check_ int services_set_places(struct services *s);

/* services-arguments.c */
_must_check_ int service_unit_set_arguments(struct service_unit *s);
