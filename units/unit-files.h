/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The files that make services units of systemd, in a generator's folder
 * (systemd.generator(7)). What all services share stands in templates that the build
 * installs outside of the folders where systemd looks for units: each unit is a symbolic
 * link to one of these, with a drop-in that says what is its own.
 */

#include "services.h"

/* Sockets of one group: with more, a handler takes longer to find one that is ready. */
#define UNIT_GROUP_SOCKETS 500
/* Each service has two: TCP and Unix. */
#define UNIT_GROUP_SERVICES (UNIT_GROUP_SOCKETS / 2)

/* Has sockets.target start what is linked in it. */
#define UNIT_WANTS "sockets.target.wants"

struct unit_folder {
	int fd; /* borrowed; not used with `texts` */
	/* as the generator was given it: handlers read groups' files there */
	const char *path;
	/* What files would say, by the name of a unit or file, with none written; or NULL */
	struct state_table *texts; /* borrowed */
};

/* Whether a unit, or what goes with one, has a name that only these have. */
bool unit_is_generated(const char *name);

/* Whether a path is that of a template that this version makes units of. */
bool unit_is_template(const char *path);

/*
 * Writes the units of all services that are served, in the mode of their settings.
 * Services whose files cannot be written are no longer served, with a verdict. 0; -EINVAL
 * if the folder's path cannot stand in a unit; another -errno of making what all need.
 */
_must_check_ int units_write(const struct unit_folder *folder, struct services *s);

/* A unit that starts with all sockets: a link of its name and a drop-in. 0 or -errno. */
_must_check_ int unit_write(const struct unit_folder *folder, const char *unit,
    const char *template, const char *text);
/* Has sockets.target start it: 0 or -errno. */
_must_check_ int unit_want(const struct unit_folder *folder, const char *unit);
/* A file with a text: 0 or -errno. */
_must_check_ int unit_write_file(
    const struct unit_folder *folder, const char *file, const char *text);

/* unit-text.c: what drop-ins say. All append to `out`: 0 or -ENOMEM. */
/* [Socket]: where a service listens. */
_must_check_ int unit_text_listen(struct secret *out, const struct service_unit *s);
/* [Socket]: who may connect, which is equal for all of a group. */
_must_check_ int unit_text_access(struct secret *out, const struct service_unit *s);
/* ExecStart= with the arguments, which are words without anything that systemd expands. */
_must_check_ int unit_text_command(struct secret *out, char *const *arguments, size_t n);
/*
 * A comment that names a resource's file, if the path can stand in a unit. SourcePath= would
 * have systemd advise a reload whenever that file changes, which does not change the unit.
 */
_must_check_ int unit_text_source(
    struct secret *out, const struct services *all, const struct service_unit *s);

/* Sets the units' names (services.h): 0 or -ENOMEM, -EINVAL, -EIO. For services_load(). */
_must_check_ int units_name(struct services *s);

/* unit-groups.c: both for ACTIVATION_GROUPED. */
_must_check_ int unit_groups_name(struct services *s);
_must_check_ int unit_groups_write(const struct unit_folder *folder, struct services *s);
