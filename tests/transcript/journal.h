/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a session wrote: exactly one record of its result, and nothing that the script
 * does not name. Demands of a script:
 *
 *   record: result=ok mechanism=PLAIN tls="TLSv1.3 ..." priority=5 message~"words"
 *   warning: message~"INSECURE"      a further record without a result
 *   secret: TEXT                     must not show up anywhere: in no record, not with
 *                                    the server
 *
 * A field that is absent has the value "none". Values are texts as in expectations. The
 * destination's password and all tokens are secret anyway, and the client never sees
 * them.
 */

#include "script.h"
#include "text.h"

/* Checks a session's standard error: 0, or -EPROTO after saying what is wrong. */
_must_check_ int journal_check(
    const struct script *script, struct values *v, const char *output);
