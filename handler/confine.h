/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The walls that a handler closes around itself, so that whoever took it over through what
 * client or server sent would reach nothing: Landlock (landlock.h), system calls
 * (seccomp.h), and switches and limits of the process.
 *
 * Each function closes what can be closed. 0; -EOPNOTSUPP, with *ret_lacking (malloc'd)
 * saying what could not be and why, where a kernel or a container does not allow it; or
 * -ENOMEM. What was closed stays so until the process ends.
 */

#include <netdb.h>
#include <stdbool.h>

#include "macro.h"

/*
 * Sanitizers and coverage need shadow memory, threads, files at the end: builds with them
 * have no walls, and the functions below do nothing and return 0.
 */
#if defined(HAVE_SANITIZER) || defined(HAVE_COVERAGE)
#define CONFINE_IS_BUILT false
#else
#define CONFINE_IS_BUILT true
#endif

/*
 * At the start of the process: it gains no privilege by exec, leaves no core, and other
 * processes of the same user cannot look into it. A switch that a kernel does not have
 * stays as it is.
 */
void confine_process(void);

/*
 * For a process that goes on to fork sessions: it changes no file, executes none, and
 * binds no TCP socket; its sessions neither.
 */
_must_check_ int confine_parent(char **ret_lacking);

/* What the login needs of the host. */
struct confine_needs {
	const char *anchors; /* folder in which OpenSSL looks certificates up, or NULL */
	/* the server's, or those of the proxy before it, of dial_pin(); not NULL */
	const struct addrinfo *addresses;
};

/*
 * Before the first byte of client or server: no file but certificates below `anchors` and
 * where hosts keep what is linked there, no socket but for TCP to those addresses, no other
 * process. The memory that they are in stays as it is, whoever takes the process over.
 */
_must_check_ int confine_login(const struct confine_needs *needs, char **ret_lacking);

/* Whether system calls are filtered by then, so that pinned memory cannot be given back. */
bool confine_stands(void);

/* What is open is read, written and closed; nothing else is left. */
_must_check_ int confine_relay(char **ret_lacking);

/* Whether all of this can be had here, as far as can be told beforehand. */
_must_check_ int confine_probe(char **ret_lacking);
