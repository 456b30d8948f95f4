/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One question to maildest-helper and its answer. */

#include <stdint.h>

#include "cli.h"
#include "helper-link.h"
#include "varlink.h"

/*
 * Connects; -ENOTCONN with *ret_why (malloc'd) if there is no helper, or one that is not
 * to be trusted; -EAGAIN; -ENOMEM.
 */
_must_check_ int helper_call_connect(
    const struct cli *c, struct helper_link *ret, char **ret_why);

/*
 * Sends a finished call and waits for its reply until the deadline. 0 with the reply;
 * -EPERM if the helper does not answer us; -EAGAIN when the deadline has passed;
 * -EOPNOTSUPP if it is too old for the method; what an error reply means to a session
 * (helper-link.h); all with *ret_why.
 */
_must_check_ int helper_call(struct helper_link *l, const struct secret *call,
    uint64_t deadline, struct json **ret, char **ret_why);

/* When a question is to be answered that the helper has to ask nobody about. */
uint64_t helper_call_deadline(void);

/* The same for a method without parameters, on a connection of its own: "Status". */
_must_check_ int helper_ask(
    const struct cli *c, const char *method, struct json **ret, char **ret_why);
