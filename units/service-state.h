/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is remembered of services, below .state/ of the configuration, which is root's:
 *
 *   addresses             "<service> <IPv4 address>", a line each: never changed once given
 *   places                "<service> <address>:<port>", a line each: where each was served
 *                         last, which no newer one takes
 *   protocols             "<service> <mail.transport.protocol>", a line each: of services
 *                         whose destination lives in a Destination service; and
 *                         "<service>:asked <SHA-256>", which question that answers
 *   found                 "<service> <mail.transport.protocol>", a line each: of services
 *                         whose destination lies in files, when that was valid
 *   left-out              "<service> <address>:<port>", a line each: what apply left out of
 *                         its group, as others had the port
 *   refusals              "<service> <text in base64>", a line each: why its Destination service
 *                         told nothing when it was asked last
 *   services/<name>.json  {"source": "<file>", "resource": {...}}: a resource when it was
 *                         valid
 *   maildest.conf         the settings when they were valid
 *
 * Written by the tools that root runs; the generator only reads.
 */

#include "config.h"

#define STATE_FOLDER ".state"
#define STATE_COPY_SOURCE "source"
#define STATE_COPY_RESOURCE "resource"

/* Names with a word each, sorted by name; zeroed, it is empty. */
struct state_table {
	struct state_row {
		char *name, *value; /* owned */
	} * rows;
	size_t n;
};

/*
 * Reads .state/<file>; lines that are none are left out. 0, also if there is no file;
 * -EPERM if it is not root's, and another -errno, with *ret_why (malloc'd); -ENOMEM.
 */
_must_check_ int state_table_read(
    const struct config *c, const char *file, struct state_table *ret, char **ret_why);
void state_table_done(struct state_table *t);
#define _cleanup_state_table_ _cleanup_(state_table_done)

/* The word of a name, borrowed, or NULL. */
const char *state_table_find(const struct state_table *t, const char *name);
/* Sets the word of a name: 0 or -ENOMEM. */
_must_check_ int state_table_set(
    struct state_table *t, const char *name, const char *value);
/* Forgets a name; it need not be there. */
void state_table_remove(struct state_table *t, const char *name);

/* Replaces .state/<file>, durably and at once, making the folder: 0, or -errno with *ret_why. */
_must_check_ int state_table_write(const struct config *c, const char *file,
    const struct state_table *t, char **ret_why);
/* The same for a text of any kind; `file` may have one folder, which is made. */
_must_check_ int service_state_write(const struct config *c, const char *file,
    const char *text, size_t len, char **ret_why);
