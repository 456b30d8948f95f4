/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The kernel's sockets (sock_diag(7)): TCP of both families, and Unix streams. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "network.h"

struct socket_seen {
	ino_t inode;
	bool is_unix, is_listening;
	struct endpoint local, remote; /* of TCP; IPv4 also where IPv6 sockets have it */
	char *path;		 /* of Unix: what it is bound to; owned; NULL: nothing */
	ino_t peer;		 /* of Unix */
	uid_t uid;		 /* who made it */
	uint64_t received, sent; /* bytes, of TCP; those that have been confirmed */
};

/* Sorted by inode. */
struct sockets_seen {
	struct socket_seen *list; /* owned */
	size_t n;
};

/* 0, or -errno where the kernel does not tell. */
_must_check_ int sockets_read(struct sockets_seen *ret);
void sockets_done(struct sockets_seen *s);
#define _cleanup_sockets_ _cleanup_(sockets_done)

/* By inode, or NULL. */
const struct socket_seen *sockets_find(const struct sockets_seen *s, ino_t inode);
/* The other end of a connection on this host, or NULL. */
const struct socket_seen *sockets_find_peer(
    const struct sockets_seen *s, const struct socket_seen *of);
