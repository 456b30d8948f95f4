/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where the other end of a connection is, and whose, as far as the kernel says it. */

#include <stdbool.h>
#include <sys/types.h>

#include "macro.h"
#include "network.h"

struct access_peer {
	enum {
		ACCESS_PEER_PIPE, /* no socket: whoever started us */
		ACCESS_PEER_UNIX,
		ACCESS_PEER_LOOPBACK,
		ACCESS_PEER_REMOTE, /* neither: another host, or an address of this one */
	} kind;
	struct address address; /* ACCESS_PEER_REMOTE */
	uid_t uid; /* ACCESS_PEER_UNIX; of others access_peer_find_owner()'s */
	gid_t gid; /* ACCESS_PEER_UNIX */
};

/* Of a connected descriptor: 0, or -ECONNABORTED if the peer has gone. */
_must_check_ int access_peer_read(int fd, struct access_peer *ret);

/*
 * Whether it is on another host: 1, 0 or -errno. A program of this one reaches us by an
 * address of this host too, and is none the more for it.
 */
_must_check_ int access_peer_is_elsewhere(int fd, const struct access_peer *peer);

/*
 * Sets its uid, of one that is on this host. 0; -ECONNABORTED if it has ended without a
 * word, as port scans and health checks do; -ESRCH if no process of this network namespace
 * has the other end open; another -errno if the kernel cannot be asked.
 */
_must_check_ int access_peer_find_owner(int fd, struct access_peer *peer);

/* Whether a process at a Unix socket had that group when it connected: 1, 0 or -errno. */
_must_check_ int access_peer_is_member(
    int fd, const struct access_peer *peer, gid_t group);
