/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The mail sessions that run on this host: a process each. */

#include "procs.h"
#include "sockets.h"

struct session_seen {
	pid_t pid;
	char *service; /* owned; foreign */
	char *phase;   /* owned; NULL if the process does not tell */
	char *client;  /* "127.0.0.1:40000", "unix", or NULL if not known; owned */
	bool has_uid;
	uid_t uid; /* the client's */
	uint64_t age_usec;
	bool has_bytes;
	uint64_t from_client, to_client;
};

struct sessions_seen {
	struct session_seen *list; /* owned; the oldest first */
	size_t n;
	struct procs procs; /* all that are ours, those without a session too */
};

/* `name`: of this service alone; NULL: all. 0, or -errno with *ret_why (malloc'd). */
_must_check_ int sessions_read(
    const char *name, struct sessions_seen *ret, char **ret_why);
void sessions_done(struct sessions_seen *s);
#define _cleanup_sessions_ _cleanup_(sessions_done)

/*
 * What a handler calls itself: "maildest: <service> <phase>", else its arguments. Sets
 * both (malloc'd; the phase may be NULL): 0 or -ENOMEM.
 */
_must_check_ int sessions_parse_title(
    const char *command, char **ret_service, char **ret_phase);
