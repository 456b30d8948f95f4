/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How the helper is, for those who ask it and for the service manager. */

#include "secret.h"
#include "session.h"

/* Appends the reply to Status to `out`, of one message at most: 0 or -ENOMEM. */
_must_check_ int status_reply(const struct session_host *host, struct secret *out);

/*
 * "STATUS=3 tokens, 12 sessions, last failure: acme: HTTP status 500, no JSON object", to
 * be freed, or NULL without memory.
 */
char *status_line(const struct session_host *host);
