/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Holding back what would end us, where half of the work done is worse than none. */

#include <signal.h>
#include <stdbool.h>

struct signals_held {
	bool is_held;
	sigset_t before; /* what was held back already */
};

/* From now on SIGHUP, SIGINT and SIGTERM wait. */
void signals_hold(struct signals_held *s);
/* Now they arrive, after a word that says why they were late. It need not hold any. */
void signals_release(struct signals_held *s);
