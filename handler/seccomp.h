/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which system calls a session has left (seccomp(2)), by raw system calls. A call that is
 * not in the phase's list fails with EPERM, which libraries take as they take any error,
 * and the kernel notes it; one that only injected code would make (seccomp-rules.h) ends
 * the process by SIGSYS. Of both the kernel's log has a record of type 1326, which names
 * process and system call.
 */

#include <netdb.h>
#include <stdbool.h>

#include "macro.h"

enum seccomp_phase {
	SECCOMP_LOGIN, /* some addresses can be connected to, files be read */
	SECCOMP_RELAY, /* what is open is read, written and closed */
};

/*
 * Closes the phase's wall for good; needs no_new_privs. `pinned` are the addresses that
 * the login is left to connect to, of dial_pin(); NULL in the relay. 0; -EOPNOTSUPP on an
 * architecture without a table of system calls; another -errno of seccomp(2).
 */
_must_check_ int seccomp_restrict(
    enum seccomp_phase phase, const struct addrinfo *pinned);

/* Whether a phase's wall is closed. */
bool seccomp_stands(void);

/* Whether that would go: 0, or its -errno. */
_must_check_ int seccomp_probe(void);
