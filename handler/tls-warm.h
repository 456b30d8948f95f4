/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Getting OpenSSL ready once, in a process whose children will all need it. */

#include "macro.h"

/*
 * Goes through a handshake with itself, in memory, so that what OpenSSL fetches and
 * computes at first use is there for all processes forked later. 0, or -EIO if OpenSSL
 * itself is not usable.
 */
_must_check_ int tls_warm(void);

/* The same for what OpenSSL keeps for each thread: to be called in the one that forks. */
_must_check_ int tls_warm_thread(void);
