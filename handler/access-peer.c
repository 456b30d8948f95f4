/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of a Unix socket the kernel has the credentials of whoever connected, of loopback the
 * owner of the other end; all other addresses are compared with those of this host.
 */

#include "access-peer.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "access-owner.h"
#include "access-users.h"

static int read_unix(int fd, struct access_peer *ret)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
		return -ECONNABORTED;
	ret->kind = ACCESS_PEER_UNIX;
	ret->uid = credentials.uid;
	ret->gid = credentials.gid;
	return 0;
}

int access_peer_read(int fd, struct access_peer *ret)
{
	struct sockaddr_storage storage = {0};
	const struct sockaddr_in6 *in6 = (const void *)&storage;
	const struct sockaddr_in *in = (const void *)&storage;
	socklen_t len = sizeof(storage);
	struct address *a = &ret->address;
	bool mapped;

	*ret = (struct access_peer){.kind = ACCESS_PEER_PIPE};
	if (getpeername(fd, (struct sockaddr *)&storage, &len) < 0)
		return errno == ENOTSOCK ? 0 : -ECONNABORTED;
	if (storage.ss_family == AF_UNIX)
		return read_unix(fd, ret);
	mapped = storage.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
	a->family = mapped ? AF_INET : storage.ss_family;
	if (mapped)
		memcpy(a->bytes, &in6->sin6_addr.s6_addr[12], 4);
	else if (a->family == AF_INET6)
		memcpy(a->bytes, &in6->sin6_addr, 16);
	else if (a->family == AF_INET)
		memcpy(a->bytes, &in->sin_addr, 4);
	ret->kind =
	    (a->family == AF_INET || a->family == AF_INET6) && address_is_loopback(a)
		? ACCESS_PEER_LOOPBACK
		: ACCESS_PEER_REMOTE;
	return 0;
}

/* Whether an address is one of this host's: 1, 0 or -errno. */
static int is_own_address(const struct address *a)
{
	struct ifaddrs *list;
	int r = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *i = list; i && r == 0; i = i->ifa_next) {
		const struct sockaddr_in6 *in6 = (const void *)i->ifa_addr;
		const struct sockaddr_in *in = (const void *)i->ifa_addr;

		if (!i->ifa_addr || i->ifa_addr->sa_family != a->family)
			continue;
		r = a->family == AF_INET ? memcmp(&in->sin_addr, a->bytes, 4) == 0
					 : memcmp(&in6->sin6_addr, a->bytes, 16) == 0;
	}
	freeifaddrs(list);
	return r;
}

int access_peer_is_elsewhere(int fd, const struct access_peer *peer)
{
	uid_t ignored;
	int r;

	if (peer->kind != ACCESS_PEER_REMOTE)
		return 0;
	r = access_owner(fd, &ignored);
	if (r != -ENOENT)
		return r == -ESRCH ? 0 : r;
	r = is_own_address(&peer->address);
	return r < 0 ? r : !r;
}

/* Whether the peer has ended without a word. */
static bool is_gone(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

int access_peer_find_owner(int fd, struct access_peer *peer)
{
	int r;

	if (peer->kind == ACCESS_PEER_UNIX)
		return 0;
	r = access_owner(fd, &peer->uid);
	if (r == -ENOENT)
		r = -ESRCH;
	return r == -ESRCH && is_gone(fd) ? -ECONNABORTED : r;
}

int access_peer_is_member(int fd, const struct access_peer *peer, gid_t group)
{
	_cleanup_free_ gid_t *groups = NULL;
	socklen_t len = 0; /* no room for one, to be told how many there are */
	gid_t none;

	if (peer->gid == group)
		return 1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &none, &len) < 0 && errno != ERANGE)
		return -errno;
	if (len == 0)
		return 0;
	groups = malloc(len);
	if (!groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return -errno;
	return access_users_is_among(groups, len / sizeof(*groups), group);
}
