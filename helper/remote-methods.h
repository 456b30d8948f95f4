/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within methods.c's job: destinations that lie in a Destination service. */

#include "json.h"
#include "session.h"

/*
 * Whether the destination that a session is bound to is at hand, before a call about it is
 * carried out: 1 if so; 0 if the call has been answered with an error, or s->is_waiting is
 * set and the call is to be made again when that is over; -ENOMEM.
 */
_must_check_ int remote_methods_prepare(struct session *s);

/* GetDestination, once it is at hand. 0 or -ENOMEM. */
_must_check_ int remote_methods_get(struct session *s, struct json_value parameters);

/* Forget: answers at once. 0 or -errno. */
_must_check_ int remote_methods_forget(struct session *s, struct json_value parameters);
