/* SPDX-License-Identifier: Apache-2.0 */
/* Three dumps over netlink: TCP over IPv4, over IPv6, and Unix sockets. */

#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE ((size_t)64 * 1024)
#define STATE_LISTEN 10 /* TCP_LISTEN of the kernel, for Unix sockets too */

/* What the three have in common. */
struct dump {
	const void *request;
	size_t size;
	int (*take)(struct sockets_seen *s, const struct nlmsghdr *message);
};

void sockets_done(struct sockets_seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i].path);
	free(s->list);
	*s = (struct sockets_seen){0};
}

static struct socket_seen *add(struct sockets_seen *s)
{
	struct socket_seen *list = s->list;

	/* doubled whenever full, which is at each power of two */
	if ((s->n & (s->n - 1)) == 0)
		list = reallocarray(s->list, s->n ? 2 * s->n : 1, sizeof(*list));
	if (!list)
		return NULL;
	s->list = list;
	list[s->n] = (struct socket_seen){0};
	return &list[s->n++];
}

static void set_endpoint(struct endpoint *e, int family, const void *bytes, uint16_t port)
{
	const unsigned char *b = bytes;
	bool is_mapped =
	    family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)bytes);

	e->port = ntohs(port);
	e->address.family = (sa_family_t)(is_mapped ? AF_INET : family);
	memcpy(e->address.bytes, is_mapped ? b + 12 : b,
	    e->address.family == AF_INET ? 4 : 16);
}

/* RTA_NEXT(3) and NLMSG_NEXT(3), which cast a pointer to what is aligned more strictly. */
static const struct rtattr *next_attribute(const struct rtattr *a, int *len)
{
	size_t n = RTA_ALIGN(a->rta_len);

	*len -= (int)n;
	return (const void *)((const char *)a + n);
}

static const struct nlmsghdr *next_message(const struct nlmsghdr *m, int *len)
{
	size_t n = NLMSG_ALIGN(m->nlmsg_len);

	*len -= (int)n;
	return (const void *)((const char *)m + n);
}

static void take_info(struct socket_seen *one, const struct nlmsghdr *message)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	int len = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));

	for (const struct rtattr *a = (const struct rtattr *)(m + 1); RTA_OK(a, len);
	     a = next_attribute(a, &len)) {
		struct tcp_info info = {0};

		if (a->rta_type != INET_DIAG_INFO)
			continue;
		memcpy(&info, RTA_DATA(a), MIN_OF(RTA_PAYLOAD(a), sizeof(info)));
		one->received = info.tcpi_bytes_received;
		one->sent = info.tcpi_bytes_acked;
	}
}

static int take_tcp(struct sockets_seen *s, const struct nlmsghdr *message)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	struct socket_seen *one = add(s);

	if (!one)
		return -ENOMEM;
	one->inode = m->idiag_inode;
	one->uid = m->idiag_uid;
	one->is_listening = m->idiag_state == STATE_LISTEN;
	set_endpoint(&one->local, m->idiag_family, m->id.idiag_src, m->id.idiag_sport);
	set_endpoint(&one->remote, m->idiag_family, m->id.idiag_dst, m->id.idiag_dport);
	take_info(one, message);
	return 0;
}

static int take_unix(struct sockets_seen *s, const struct nlmsghdr *message)
{
	const struct unix_diag_msg *m = NLMSG_DATA(message);
	int len = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
	struct socket_seen *one;
	uint32_t number;

	if (m->udiag_type != SOCK_STREAM)
		return 0;
	one = add(s);
	if (!one)
		return -ENOMEM;
	one->is_unix = true;
	one->inode = m->udiag_ino;
	one->is_listening = m->udiag_state == STATE_LISTEN;
	one->uid = (uid_t)-1;
	for (const struct rtattr *a = (const struct rtattr *)(m + 1); RTA_OK(a, len);
	     a = next_attribute(a, &len)) {
		if (a->rta_type == UNIX_DIAG_NAME && RTA_PAYLOAD(a) > 0 &&
		    !(one->path = strndup(RTA_DATA(a), RTA_PAYLOAD(a))))
			return -ENOMEM;
		if (RTA_PAYLOAD(a) != sizeof(number))
			continue;
		memcpy(&number, RTA_DATA(a), sizeof(number));
		if (a->rta_type == UNIX_DIAG_PEER)
			one->peer = number;
		if (a->rta_type == UNIX_DIAG_UID)
			one->uid = number;
	}
	return 0;
}

/* 1 at the end of the dump, 0 to go on, -errno. */
static int take_messages(
    struct sockets_seen *s, const struct dump *dump, const void *buffer, int len)
{
	for (const struct nlmsghdr *m = buffer; len > 0 && NLMSG_OK(m, (unsigned)len);
	     m = next_message(m, &len)) {
		const struct nlmsgerr *error = NLMSG_DATA(m);
		int r;

		if (m->nlmsg_type == NLMSG_DONE)
			return 1;
		if (m->nlmsg_type == NLMSG_ERROR)
			return error->error < 0 ? error->error : -EPROTO;
		r = dump->take(s, m);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run(int fd, struct sockets_seen *s, const struct dump *dump)
{
	_cleanup_free_ void *buffer = malloc(BUFFER_SIZE);
	int r = 0;

	if (!buffer)
		return -ENOMEM;
	if (send(fd, dump->request, dump->size, 0) < 0)
		return -errno;
	while (r == 0) {
		ssize_t n = recv(fd, buffer, BUFFER_SIZE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : take_messages(s, dump, buffer, (int)n);
	}
	return r < 0 ? r : 0;
}

static int read_tcp(int fd, struct sockets_seen *s, int family)
{
	const struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 body;
	} request = {
	    .header = {.nlmsg_len = sizeof(request),
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	    .body = {.sdiag_family = (uint8_t)family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_ext = 1 << (INET_DIAG_INFO - 1),
		.idiag_states = UINT32_MAX},
	};

	return run(fd, s, &(struct dump){&request, sizeof(request), take_tcp});
}

static int read_unix(int fd, struct sockets_seen *s)
{
	const struct {
		struct nlmsghdr header;
		struct unix_diag_req body;
	} request = {
	    .header = {.nlmsg_len = sizeof(request),
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	    .body = {.sdiag_family = AF_UNIX,
		.udiag_states = UINT32_MAX,
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_UID},
	};

	return run(fd, s, &(struct dump){&request, sizeof(request), take_unix});
}

static int compare(const void *a, const void *b)
{
	ino_t x = ((const struct socket_seen *)a)->inode;
	ino_t y = ((const struct socket_seen *)b)->inode;

	return x < y ? -1 : x > y;
}

int sockets_read(struct sockets_seen *ret)
{
	_cleanup_sockets_ struct sockets_seen s = {0};
	_cleanup_close_ int fd =
	    socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r;

	if (fd < 0)
		return -errno;
	r = read_tcp(fd, &s, AF_INET);
	if (r == 0)
		r = read_tcp(fd, &s, AF_INET6);
	if (r == 0)
		r = read_unix(fd, &s);
	if (r < 0)
		return r;
	if (s.n > 0)
		qsort(s.list, s.n, sizeof(*s.list), compare);
	*ret = s;
	s = (struct sockets_seen){0};
	return 0;
}

const struct socket_seen *sockets_find(const struct sockets_seen *s, ino_t inode)
{
	const struct socket_seen key = {.inode = inode};

	return s->n > 0 ? bsearch(&key, s->list, s->n, sizeof(*s->list), compare) : NULL;
}

static bool is_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

const struct socket_seen *sockets_find_peer(
    const struct sockets_seen *s, const struct socket_seen *of)
{
	if (of->is_unix)
		return of->peer ? sockets_find(s, of->peer) : NULL;
	for (size_t i = 0; i < s->n; i++) {
		const struct socket_seen *one = &s->list[i];

		if (!one->is_unix && !one->is_listening &&
		    is_equal(&one->local, &of->remote) &&
		    is_equal(&one->remote, &of->local))
			return one;
	}
	return NULL;
}
