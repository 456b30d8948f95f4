/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the running helper, so that their form is in one place. Beside helper.c
 * nothing here logs. Texts come escaped from those who took them from outside.
 */

#include "report.h"

#include <stdio.h>

#include "log.h"

#define MESSAGE_FETCH_FAILED "4f6c2f0b8f0e4f5c9a55f4d2c8a1e6b3"
#define MESSAGE_RECOVERED "b9d1a7c35e2247d1a6c40d8f7be9213c"
#define MESSAGE_UNCHECKED "5c81f0ad3be64e62a17b94d06c2f7e58"
#define MESSAGE_PEER "e07a5d9146c34b0d8be2f95f10c7d84a"

void report_fetch_failed(const struct binding *b, const char *host, long http_status,
    const char *error, const char *reason)
{
	_cleanup_secret_ struct secret message = {0};
	char status[24] = "";
	const struct log_field fields[] = {
	    {"MAILDEST_DESTINATION", b->destination},
	    {"MAILDEST_TENANT", b->tenant},
	    {"MAILDEST_TOKEN_SERVICE", host},
	    {"MAILDEST_HTTP_STATUS", http_status > 0 ? status : NULL},
	    {"MAILDEST_OAUTH_ERROR", error},
	};

	(void)snprintf(status, sizeof(status), "%ld", http_status); /* a long fits */
	if (secret_printf(&message, "No token for destination '%s' from '%s': %s",
		b->destination, host ? host : "the token service", reason) < 0)
		return;
	log_record(LOG_PRIORITY_WARNING, MESSAGE_FETCH_FAILED, message.data, fields,
	    ELEMENTSOF(fields));
}

/* A record about a destination and its token service that has no further fields. */
static void report_service(enum log_priority priority, const char *message_id,
    const struct binding *b, const char *host, const char *what)
{
	_cleanup_secret_ struct secret message = {0};
	const struct log_field fields[] = {
	    {"MAILDEST_DESTINATION", b->destination},
	    {"MAILDEST_TENANT", b->tenant},
	    {"MAILDEST_TOKEN_SERVICE", host},
	};

	if (secret_printf(&message, "Destination '%s', token service '%s': %s",
		b->destination, host, what) < 0)
		return;
	log_record(priority, message_id, message.data, fields, ELEMENTSOF(fields));
}

void report_recovered(const struct binding *b, const char *host)
{
	report_service(
	    LOG_PRIORITY_NOTICE, MESSAGE_RECOVERED, b, host, "tokens can be had again");
}

void report_unchecked(const struct binding *b, const char *host)
{
	report_service(LOG_PRIORITY_WARNING, MESSAGE_UNCHECKED, b, host,
	    "its certificate is not checked, since the destination says TrustAll");
}

void report_peer(uid_t uid, pid_t pid, const char *reason)
{
	_cleanup_secret_ struct secret message = {0};
	char user[24], process[24];
	const struct log_field fields[] = {
	    {"MAILDEST_PEER_UID", user},
	    {"MAILDEST_PEER_PID", process},
	};

	(void)snprintf(user, sizeof(user), "%u", (unsigned)uid); /* both fit */
	(void)snprintf(process, sizeof(process), "%d", (int)pid);
	if (secret_printf(&message, "Closed a connection from user %s, process %s: %s",
		user, process, reason) < 0)
		return;
	log_record(
	    LOG_PRIORITY_WARNING, MESSAGE_PEER, message.data, fields, ELEMENTSOF(fields));
}
