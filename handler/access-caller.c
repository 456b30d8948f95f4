/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel says it: by the socket's own credentials, by its table of sockets, by the address. */

#include "access-caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "access-owner.h"

/* Of an IPv6 address: what a host's network has, the rest is the host's to choose (RFC 4291 2.5.4). */
#define NETWORK_BYTES 8

/* Any user has thousands of subordinate ones (subuid(5)), which no database knows. */
static void name_user(uid_t uid, char ret[ACCESS_CALLER_SIZE])
{
	if (getpwuid(uid))
		(void)snprintf(ret, ACCESS_CALLER_SIZE, "uid %u", (unsigned)uid);
	else
		(void)snprintf(ret, ACCESS_CALLER_SIZE, "uid unknown");
}

/* Another host's; both forms are shorter than the room for them. */
static void name_address(
    const struct sockaddr_storage *address, char ret[ACCESS_CALLER_SIZE])
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;
	struct in6_addr network = {0};

	if (address->ss_family == AF_INET) {
		(void)inet_ntop(AF_INET, &in->sin_addr, ret, ACCESS_CALLER_SIZE);
	} else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		(void)inet_ntop(
		    AF_INET, &in6->sin6_addr.s6_addr[12], ret, ACCESS_CALLER_SIZE);
	} else {
		memcpy(&network, &in6->sin6_addr, NETWORK_BYTES);
		(void)inet_ntop(AF_INET6, &network, ret, ACCESS_CALLER_SIZE);
	}
}

void access_caller(int fd, char ret[ACCESS_CALLER_SIZE])
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address), peer_len = sizeof(struct ucred);
	struct ucred peer;
	uid_t uid;
	int r;

	*ret = '\0';
	if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
		return;
	if (address.ss_family == AF_UNIX) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) == 0)
			name_user(peer.uid, ret);
		return;
	}
	r = access_owner(fd, &uid);
	if (r == 0)
		name_user(uid, ret);
	else if (r == -ENOENT)
		name_address(&address, ret);
}
