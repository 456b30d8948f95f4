/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The question that a synchronisation has for the helper: which protocol a service speaks. */

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "digest.h"
#include "services.h"

/* What decides which destination is meant: 0; -ENOMEM; -EIO (digest.h). */
_must_check_ int sync_question_digest(const struct services *all,
    const struct service_unit *s, char ret[DIGEST_SHA256_HEX_SIZE]);

/*
 * Asks the helper until the deadline: 0 with the protocol; -EAGAIN when the deadline has
 * passed or the instance is not available; another -errno; with *ret_why (malloc'd).
 */
_must_check_ int sync_ask(const struct cli *c, const struct service_unit *s,
    uint64_t deadline, enum mail_protocol *ret, char **ret_why);
