/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the methods of io.maildest.Helper and org.varlink.service do with a session. */

#include "json.h"
#include "session.h"

/*
 * Carries out one call: its reply is appended to s->out, or s->is_waiting is set and
 * methods_answer() follows, or that is set and the message has been kept as s->pending, to
 * be carried out again when it is not any more. 0; -EBADMSG if the message is no call;
 * -ENOMEM.
 */
_must_check_ int methods_call(struct session *s, struct json **message);

/* Answers the call that waited: 0 or -ENOMEM. */
_must_check_ int methods_answer(struct session *s, const struct cache_answer *answer);
