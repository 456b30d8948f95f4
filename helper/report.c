/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the running helper, so that their form is in one place. Beside helper.c
 * nothing here logs. Texts come escaped from those who took them from outside.
 */

#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define MESSAGE_FETCH_FAILED "4f6c2f0b8f0e4f5c9a55f4d2c8a1e6b3"
#define MESSAGE_RECOVERED "b9d1a7c35e2247d1a6c40d8f7be9213c"
#define MESSAGE_UNCHECKED "5c81f0ad3be64e62a17b94d06c2f7e58"
#define MESSAGE_REMOTE_FAILED "6a9d3e5170bf4c28916ed8c54f02ab73"
#define MESSAGE_REMOTE_BACK "d84c17f29ea34b06b5209e63a1f7c85d"
#define MESSAGE_STATE_RESTORED "1d0c6a5e9b7f4e2f8a3c5b60d97e214f"
#define MESSAGE_STATE_REFUSED "a64e2b17c05d49c3b8f1e7d20395ac86"
#define MESSAGE_STATE_NOT_KEPT "73f9d8c01be64a5d9e26b4a7f0c5381e"
#define MESSAGE_ROTATION_NOT_KEPT "2b7e90c4d15f4a83b6c2710fe8d3945a"
#define MESSAGE_ROTATION_KEPT "8d04f3a1c6e24795af58b03d612ec97b"
#define MESSAGE_ROTATION_DROPPED "f13a6bd5908c4e27b4d96e50c7281fa3"
#define MESSAGE_DESCRIPTOR "c8251fa7e6d34b90a1f37d5b9e04c26d"
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

/* "Destination 'x' of instance 'y': what" */
static void report_remote(enum log_priority priority, const char *message_id,
    const struct binding *b, const char *what)
{
	_cleanup_secret_ struct secret message = {0};
	const struct log_field fields[] = {
	    {"MAILDEST_DESTINATION", b->destination},
	    {"MAILDEST_TENANT", b->tenant},
	    {"MAILDEST_INSTANCE", b->instance},
	};

	if (secret_printf(&message, "Destination '%s' of instance '%s': %s",
		b->destination, b->instance, what) < 0)
		return;
	log_record(priority, message_id, message.data, fields, ELEMENTSOF(fields));
}

void report_remote_failed(const struct binding *b, bool is_known, const char *reason)
{
	_cleanup_secret_ struct secret what = {0};

	if (secret_concat(&what, reason,
		is_known ? "; it is served as it was found last" : "", NULL) == 0)
		report_remote(LOG_PRIORITY_WARNING, MESSAGE_REMOTE_FAILED, b, what.data);
}

void report_remote_back(const struct binding *b)
{
	report_remote(LOG_PRIORITY_NOTICE, MESSAGE_REMOTE_BACK, b, "it is found again");
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

void report_state_restored(unsigned tokens)
{
	_cleanup_secret_ struct secret message = {0};

	if (secret_printf(&message, "Took over %u access token%s from before the restart",
		tokens, tokens == 1 ? "" : "s") < 0)
		return;
	log_record(LOG_PRIORITY_NOTICE, MESSAGE_STATE_RESTORED, message.data, NULL, 0);
}

/* What `before`, a descriptor's name in quotes, and `after` say together. */
static void report_named(
    const char *message_id, const char *before, const char *name, const char *after)
{
	_cleanup_secret_ struct secret message = {0};
	int r;

	r = secret_concat(&message, before, " '", NULL);
	if (r == 0)
		r = log_quote(&message, name, strlen(name));
	if (r == 0)
		r = secret_concat(&message, "' ", after, NULL);
	if (r == 0)
		log_record(LOG_PRIORITY_WARNING, message_id, message.data, NULL, 0);
}

void report_state_refused(const char *name, const char *why)
{
	_cleanup_secret_ struct secret after = {0};

	if (secret_concat(&after, "is ignored: ", why, NULL) == 0)
		report_named(MESSAGE_STATE_REFUSED,
		    "The tokens that an earlier helper left as", name, after.data);
}

void report_state_not_kept(int error)
{
	_cleanup_secret_ struct secret message = {0};

	if (secret_concat(&message,
		"Access tokens would not survive a restart, since they cannot be handed "
		"to the service manager: ",
		error == -EAGAIN ? "its queue is full" : strerror(-error), NULL) < 0)
		return;
	log_record(LOG_PRIORITY_WARNING, MESSAGE_STATE_NOT_KEPT, message.data, NULL, 0);
}

void report_rotation_not_kept(const char *folder, unsigned n, const char *why)
{
	_cleanup_secret_ struct secret message = {0};

	if (secret_printf(&message,
		"%u refresh token%s or code%s that the token service has replaced or "
		"used up cannot be noted in %s: %s. A power failure would now cost "
		"the clients their logins; this is tried again until it works",
		n, n == 1 ? "" : "s", n == 1 ? "" : "s", folder, why) < 0)
		return;
	log_record(LOG_PRIORITY_ERROR, MESSAGE_ROTATION_NOT_KEPT, message.data, NULL, 0);
}

void report_rotation_kept(const char *folder)
{
	_cleanup_secret_ struct secret message = {0};

	if (secret_printf(&message, "All refresh tokens and codes are noted in %s again",
		folder) < 0)
		return;
	log_record(LOG_PRIORITY_NOTICE, MESSAGE_ROTATION_KEPT, message.data, NULL, 0);
}

void report_rotation_dropped(const char *folder, unsigned n)
{
	_cleanup_secret_ struct secret message = {0};

	if (secret_printf(&message,
		"%s is full: %u refresh token%s that had not been used for longest "
		"made room; their clients need new ones",
		folder, n, n == 1 ? "" : "s") < 0)
		return;
	log_record(LOG_PRIORITY_WARNING, MESSAGE_ROTATION_DROPPED, message.data, NULL, 0);
}

void report_descriptor(int fd, const char *name)
{
	_cleanup_secret_ struct secret before = {0};

	if (secret_printf(&before,
		"Closed descriptor %d, given by the service manager as", fd) == 0)
		report_named(MESSAGE_DESCRIPTOR, before.data, name,
		    "since it is no listening Unix stream socket");
}
