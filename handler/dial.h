/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From a host name to a connected socket. Names are resolved once, before anything from
 * outside is read; a second attempt uses the same addresses.
 */

#include <netdb.h>
#include <stdint.h>

#include "macro.h"

/*
 * Resolves `host`. getaddrinfo(3) takes no deadline; the caller has armed a SIGALRM that
 * ends the process. 0; -EADDRNOTAVAIL with *ret_why (malloc'd) if the name has no
 * address.
 */
_must_check_ int dial_resolve(
    const char *host, uint16_t port, struct addrinfo **ret, char **ret_why);

static inline void dial_free_addresses(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}
#define _cleanup_addresses_ _cleanup_(dial_free_addresses)

/* So many are tried. */
#define DIAL_ADDRESSES_MAX 16

/*
 * The addresses in the order in which they are tried, and how many: "Sorting Addresses", RFC
 * 8305 section 4. The families take turns, so that many dead addresses of one hold up no
 * other for long.
 */
unsigned dial_order(
    const struct addrinfo *list, const struct addrinfo *order[DIAL_ADDRESSES_MAX]);

/*
 * Connects to one of the addresses, as dial_order() has them; one that has not answered
 * within 250 ms is overtaken by the next, and the first to answer wins (RFC 8305 5).
 * Keep-alive is on, Nagle off. `watch_fd`'s reset ends the wait with -ECONNABORTED, -1
 * for none. Returns the descriptor, or -ETIMEDOUT, or the last address's -errno, with
 * *ret_why naming each failure.
 */
_must_check_ int dial_connect(
    const struct addrinfo *addresses, int watch_fd, uint64_t deadline, char **ret_why);

/* Keep-alive for mail sessions, which idle for half an hour (RFC 2177): best effort. */
void dial_keep_alive(int fd);

/* "192.0.2.1:587", "[2001:db8::1]:587", "unix(pid=1,uid=0)" or "local" (a pipe). 0 or -ENOMEM. */
_must_check_ int dial_peer_name(int fd, char **ret);

/*
 * Whether the peer is on this host: 1 for a loopback address, a Unix socket or a pipe, 0
 * for others, -ECONNABORTED if it has gone already.
 */
int dial_peer_is_local(int fd);
