/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Comparing what a peer receives with what a script expects. */

#include <stdint.h>

#include "play.h"

/* One "C<" or "S<": 0, or -EPROTO after saying what came instead. */
_must_check_ int expect(
    struct play *p, struct peer *peer, const struct step *step, uint64_t deadline);

/* That nothing more comes but the end. */
_must_check_ int expect_end(
    struct play *p, struct peer *peer, const struct step *step, uint64_t deadline);
