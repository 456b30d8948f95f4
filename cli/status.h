/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How all of it is: gathered by parts, told at once. */

#include "expiry.h"
#include "table.h"

/* As SAP's health endpoint has them. */
enum status_level {
	STATUS_OK,
	STATUS_WARNING,
	STATUS_CRITICAL,
};

struct status {
	const struct cli *cli;
	enum status_level level;
	int exit;	       /* enum cli_status of the first problem of that level */
	struct table problems; /* LEVEL, WHAT */
	struct table tokens;   /* of the helper */
	struct table certificates; /* that end within 30 days, or have ended */
	struct table sockets;	   /* of systemd */
	struct table failures;	   /* of the journal */
	struct expiries expiries;  /* of all certificates */

	bool has_helper;
	char *helper_version;			       /* owned */
	int64_t uptime, helper_sessions, tls_sessions; /* seconds; numbers */
	int64_t token_requests, token_failures, refused_connections;
	int64_t destinations, destination_requests; /* of Destination services */
	size_t available, unavailable;		    /* resources */
	size_t failing; /* services whose last session failed */
	size_t sessions;
	uint64_t accepted,
	    refused; /* connections, by systemd; since the sockets were opened */
	uint64_t cpu_usec, age_usec, memory; /* of all our processes; age of the oldest */
};

/* Adds a problem; the worst decides. */
void status_add_problem(struct status *s, enum status_level level, int exit,
    const char *format, ...) _printf_(4, 5);

/* Each asks one part; that a part is not there is a problem, or nothing to tell. */
void status_ask_helper(struct status *s);
void status_ask_files(struct status *s); /* certificates, resources */
void status_ask_host(struct status *s);	 /* systemd, processes */
void status_ask_journal(struct status *s);
/* Services whose last session failed, by the journal of the last hour. */
void status_ask_sessions(struct status *s);

/* Whether systemd closed connections of a socket within the last hour, as there were too
 * many: 1, 0, or -errno if the journal does not tell. */
_must_check_ int status_were_too_many(const char *unit);

/* "ok", "warning", "critical". */
const char *status_level_name(enum status_level level);

void status_begin(struct status *s, const struct cli *c);
void status_done(struct status *s);
#define _cleanup_status_ _cleanup_(status_done)

/* All numbers as OpenMetrics 1.0 text, those of SAP's proxy by SAP's names. */
void status_print_metrics(const struct status *s);
