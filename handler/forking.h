/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Forking mode: one process that accepts on listening sockets and forks another for each
 * connection, which is the same session as in a process of its own, only with TLS ready.
 * The parent reads nothing of what comes from outside and keeps no secret.
 */

#include "listen-fds.h"
#include "session.h"

/* Sessions at once, unless the command line says otherwise. */
#define FORKING_SESSIONS_MAX 4096

struct forking_options {
	const struct session_request *request; /* but for the destination; borrowed */
	const char *services;	/* a file of services (service-file.h); NULL: none */
	const char *identifier; /* for log_open() in each session; constant */
	size_t sessions_max;
};

/*
 * Serves `sockets`, each the destination of its name or the file's service, until SIGTERM
 * or SIGINT: then it stops accepting and, as a systemd service, returns at once (the
 * sessions go on in the service's control group); otherwise it waits for the sessions to
 * end, or for a second signal. The sockets are closed. Returns 0, or -errno if it could
 * not begin, after a record of why.
 */
_must_check_ int forking_run(
    const struct forking_options *options, struct listen_fds *sockets);
