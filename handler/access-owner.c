/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the kernel, by the exact four numbers of the connection seen from the
 * other side; and where it knows none, one for each device, as it tells of a socket that
 * is bound to a device only if it is asked with that device. A socket that a process has
 * open has an inode; one that is left to the kernel, or a listening one on the same port,
 * which the kernel would name in its stead, does not count.
 */

#include "access-owner.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define REPLY_SIZE 8192

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

/* An address and a port as the kernel's table has them: IPv4 ones as such. */
struct end {
	sa_family_t family;
	__be16 port;
	__be32 address[4];
};

static int read_end(const struct sockaddr_storage *address, struct end *ret)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;
	struct end e = {.family = address->ss_family};

	if (e.family == AF_INET) {
		e.port = in->sin_port;
		e.address[0] = in->sin_addr.s_addr;
	} else if (e.family == AF_INET6) {
		e.port = in6->sin6_port;
		memcpy(e.address, &in6->sin6_addr, sizeof(e.address));
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			e.family = AF_INET;
			e.address[0] = e.address[3];
			e.address[1] = e.address[2] = e.address[3] = 0;
		}
	} else {
		return -EAFNOSUPPORT;
	}
	*ret = e;
	return 0;
}

static int read_ends(int fd, struct end *ret_ours, struct end *ret_theirs)
{
	struct sockaddr_storage ours = {0}, theirs = {0};
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);
	int r;

	if (getsockname(fd, (struct sockaddr *)&ours, &ours_len) < 0 ||
	    getpeername(fd, (struct sockaddr *)&theirs, &theirs_len) < 0)
		return errno == ENOTCONN ? -ESRCH : -errno;
	r = read_end(&ours, ret_ours);
	if (r == 0)
		r = read_end(&theirs, ret_theirs);
	return r == 0 && ret_ours->family != ret_theirs->family ? -EAFNOSUPPORT : r;
}

/* The other end's socket: it is the source, and we are its destination. */
static void make_id(
    const struct end *ours, const struct end *theirs, struct inet_diag_sockid *ret)
{
	*ret = (struct inet_diag_sockid){
	    .idiag_sport = theirs->port,
	    .idiag_dport = ours->port,
	    .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE},
	};
	memcpy(ret->idiag_src, theirs->address, sizeof(ret->idiag_src));
	memcpy(ret->idiag_dst, ours->address, sizeof(ret->idiag_dst));
}

static int ask(int netlink, sa_family_t family, const struct inet_diag_sockid *id)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct question q = {
	    .header = {.nlmsg_len = sizeof(q),
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_REQUEST},
	    .request = {.sdiag_family = (unsigned char)family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = ~0U,
		.id = *id},
	};
	ssize_t n;

	do
		n = sendto(netlink, &q, sizeof(q), 0, (const struct sockaddr *)&kernel,
		    sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static bool is_same_socket(
    const struct inet_diag_msg *found, const struct inet_diag_sockid *id)
{
	size_t n = found->idiag_family == AF_INET ? 4 : sizeof(id->idiag_src);

	return found->id.idiag_sport == id->idiag_sport &&
	       found->id.idiag_dport == id->idiag_dport &&
	       memcmp(found->id.idiag_src, id->idiag_src, n) == 0 &&
	       memcmp(found->id.idiag_dst, id->idiag_dst, n) == 0;
}

/* An IPv4 connection of an IPv6 socket is shown with its addresses mapped. */
static void unmap(struct inet_diag_msg *found)
{
	if (found->idiag_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED((struct in6_addr *)found->id.idiag_src))
		return;
	found->idiag_family = AF_INET;
	found->id.idiag_src[0] = found->id.idiag_src[3];
	found->id.idiag_dst[0] = found->id.idiag_dst[3];
}

static int judge(
    struct inet_diag_msg *found, const struct inet_diag_sockid *id, uid_t *ret)
{
	unmap(found);
	if (!is_same_socket(found, id) || found->idiag_inode == 0)
		return -ESRCH;
	switch (found->idiag_state) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		*ret = found->idiag_uid;
		return 0;
	}
	return -ESRCH;
}

/* The kernel answers within the call that asks: nothing is waited for. */
static int take_answer(int netlink, const struct inet_diag_sockid *id, uid_t *ret)
{
	_Alignas(struct nlmsghdr) char buffer[REPLY_SIZE];
	struct sockaddr_nl from = {0};
	socklen_t from_len = sizeof(from);
	struct nlmsghdr *header = (void *)buffer;
	ssize_t n;

	do
		n = recvfrom(netlink, buffer, sizeof(buffer), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &from_len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (from.nl_pid != 0 || n < (ssize_t)sizeof(*header) ||
	    header->nlmsg_len > (size_t)n)
		return -EBADMSG;
	if (header->nlmsg_type == NLMSG_ERROR &&
	    header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
		int error = ((struct nlmsgerr *)NLMSG_DATA(header))->error;

		return error == 0 ? -ENOENT : error;
	}
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return -EBADMSG;
	return judge(NLMSG_DATA(header), id, ret);
}

static int look_up(
    int netlink, sa_family_t family, const struct inet_diag_sockid *id, uid_t *ret)
{
	int r = ask(netlink, family, id);

	return r < 0 ? r : take_answer(netlink, id, ret);
}

/* Any user may bind a socket to a device (SO_BINDTODEVICE, socket(7)). */
static int look_up_on_devices(
    int netlink, sa_family_t family, struct inet_diag_sockid *id, uid_t *ret)
{
	struct if_nameindex *devices = if_nameindex();
	int r = -ENOENT;

	if (!devices)
		return -errno;
	for (const struct if_nameindex *d = devices; d->if_index && r == -ENOENT; d++) {
		id->idiag_if = d->if_index;
		r = look_up(netlink, family, id, ret);
	}
	if_freenameindex(devices);
	return r;
}

int access_owner(int fd, uid_t *ret)
{
	_cleanup_close_ int netlink = -1;
	struct inet_diag_sockid id;
	struct end ours = {0}, theirs = {0};
	int r;

	r = read_ends(fd, &ours, &theirs);
	if (r < 0)
		return r;
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return -errno;
	make_id(&ours, &theirs, &id);
	r = look_up(netlink, theirs.family, &id, ret);
	return r == -ENOENT ? look_up_on_devices(netlink, theirs.family, &id, ret) : r;
}
