/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What Status replies, within the length of one message. */

#include "secret.h"
#include "session.h"

/* Appends the reply to `out`: 0 or -ENOMEM. */
_must_check_ int status_reply(const struct session_host *host, struct secret *out);
