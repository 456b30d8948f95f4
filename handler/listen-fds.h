/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sockets from the service manager (sd_listen_fds(3)): LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES. */

#include <stdbool.h>
#include <stddef.h>

#include "macro.h"

/* More than one process can serve well. */
#define LISTEN_FDS_MAX 4096

struct listen_fd {
	int fd;		   /* owned; -1 if it is not open at all */
	int number;	   /* as it was handed over, for messages */
	char *name;	   /* FileDescriptorName=, or the name given for all; owned */
	bool is_connected; /* one connection, accepted already */
	const char *fault; /* a constant: why it cannot be served; NULL if it can */
};

struct listen_fds {
	struct listen_fd *list; /* owned */
	size_t n;
};

/*
 * Takes over what the variables announce, which afterwards are unset. `name` is for all
 * of them; NULL: LISTEN_FDNAMES must have one for each. 0, also if there are none or they
 * are another process's, with *ret_why (malloc'd) saying so in the latter case; -EINVAL
 * with *ret_why if the variables are not as they should be; -ENOMEM.
 */
_must_check_ int listen_fds_take(
    struct listen_fds *ret, const char *name, char **ret_why);

/* Reports and closes those that have a fault, by log_message(). */
void listen_fds_drop_faulty(struct listen_fds *l);

/* Closes and frees. */
void listen_fds_done(struct listen_fds *l);
#define _cleanup_listen_fds_ _cleanup_(listen_fds_done)
