/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The part of a synchronisation that asks the helper. */

#include <stdint.h>

#include "config.h"
#include "verdicts.h"

struct services;

/*
 * Finds the protocol of each service whose destination lives in a Destination service,
 * and records at once what is new; one that cannot be had keeps the protocol it had, and
 * leaves an error among the verdicts. An instance that is not available is asked no more,
 * and after the deadline nobody is: one warning an instance. What is remembered of services
 * that are gone, or have another destination now, is dropped first. 0; -errno with
 * *ret_why (malloc'd) if nothing can be recorded.
 */
_must_check_ int sync_protocols(const struct cli *c, const struct config *config,
    struct services *s, uint64_t deadline, struct verdicts *v, char **ret_why);
