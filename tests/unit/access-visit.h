/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Programs that really run as other users and connect to us, in a user database, mounts and
 * a network of the test's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "access.h"
#include "config-tree.h"
#include "peer.h"
#include "private-mounts.h"

/* Users and groups of the test's own database. */
#define ALICE 4001   /* in mail-users by its list */
#define BOB 4002     /* in mail-users by his own entry */
#define CAROL 4003   /* in no group that matters */
#define GHOST 4004   /* unknown to the database */
#define SERVICE 4005 /* what the units run handlers as; in mail-users */
#define MAIL_USERS 4100
#define OTHERS 4101

static const char passwd[] = "root:x:0:0::/:/bin/sh\n"
			     "alice:x:4001:4101::/:/bin/sh\n"
			     "bob:x:4002:4100::/:/bin/sh\n"
			     "carol:x:4003:4101::/:/bin/sh\n"
			     "maildest:x:4005:4100::/:/bin/sh\n";
static const char group[] = "root:x:0:\n"
			    "mail-users:x:4100:someone,alice\n"
			    "others:x:4101:\n";
static const char nsswitch[] = "passwd: files\ngroup: files\ninitgroups: files\n";

enum place { UNIX, IPV4, IPV6, MAPPED, FAR };

static const struct {
	const char *name;
	int family;
	const char *listen, *connect;
	int connect_family;
} places[] = {
    [UNIX] = {"Unix", AF_UNIX, NULL, NULL, AF_UNIX},
    [IPV4] = {"IPv4", AF_INET, "127.88.0.1", "127.88.0.1", AF_INET},
    [IPV6] = {"IPv6", AF_INET6, "::1", "::1", AF_INET6},
    [MAPPED] = {"IPv4 on an IPv6 socket", AF_INET6, "::", "127.0.0.1", AF_INET},
    [FAR] = {"not loopback", AF_INET, "192.0.2.1", "192.0.2.1", AF_INET},
};

static struct config_tree tree;

static inline void replace(const char *name, const char *text, const char *over)
{
	_cleanup_free_ char *path = config_tree_path(&tree, name);

	config_tree_puts(&tree, name, text);
	config_tree_chmod(&tree, name, 0644);
	private_mounts_replace(path, over);
}

static inline void set_up_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK};
	struct sockaddr_in *in = (void *)&request.ifr_addr;
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	request = (struct ifreq){.ifr_name = "lo:1"};
	in->sin_family = AF_INET;
	ck_assert_int_eq(inet_pton(AF_INET, "192.0.2.1", &in->sin_addr), 1);
	ck_assert_int_eq(ioctl(fd, SIOCSIFADDR, &request), 0);
}

/* False where the test has nothing to say. */
static inline bool set_up(void)
{
	if (geteuid() != 0 || !private_mounts() || unshare(CLONE_NEWNET) < 0)
		return false;
	config_tree_make(&tree);
	replace("passwd", passwd, "/etc/passwd");
	replace("group", group, "/etc/group");
	replace("nsswitch", nsswitch, "/etc/nsswitch.conf");
	set_up_network();
	return true;
}

union any_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static inline socklen_t fill_address(
    int family, const char *text, in_port_t port, union any_address *ret)
{
	*ret = (union any_address){.any.sa_family = (sa_family_t)family};
	if (family == AF_UNIX) {
		ck_assert_int_lt(snprintf(ret->un.sun_path, sizeof(ret->un.sun_path),
				     "%s/socket", tree.path),
		    (int)sizeof(ret->un.sun_path));
		return sizeof(ret->un);
	}
	/* both ports lie at the same place */
	ret->in.sin_port = port;
	ck_assert_int_eq(inet_pton(family, text,
			     family == AF_INET ? (void *)&ret->in.sin_addr
					       : (void *)&ret->in6.sin6_addr),
	    1);
	return family == AF_INET ? sizeof(ret->in) : sizeof(ret->in6);
}

/* A listening socket; *ret is what to connect to. */
static inline int listen_at(enum place place, union any_address *ret, socklen_t *ret_len)
{
	int fd = socket(places[place].family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union any_address address;
	socklen_t len =
	    fill_address(places[place].family, places[place].listen, 0, &address);

	ck_assert_int_ge(fd, 0);
	if (place == UNIX)
		(void)unlink(address.un.sun_path); /* of the row before */
	ck_assert_int_eq(bind(fd, &address.any, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	if (place == UNIX)
		ck_assert_int_eq(chmod(address.un.sun_path, 0666), 0);
	ck_assert_int_eq(getsockname(fd, &address.any, &len), 0);
	*ret_len = fill_address(places[place].connect_family, places[place].connect,
	    address.in.sin_port, ret);
	return fd;
}

enum manner { STAYS, SHUTS, SENDS_AND_CLOSES, CLOSES, BOUND };

/* To a device; where we are at 192.0.2.1 also to another address that is as near, 192.0.2.7. */
static inline int bind_to_device(int fd, const union any_address *address)
{
	union any_address own = *address;

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")) < 0)
		return -errno;
	if (own.any.sa_family != AF_INET ||
	    ntohl(own.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
		return 0;
	own.in.sin_port = 0;
	own.in.sin_addr.s_addr = htonl((ntohl(own.in.sin_addr.s_addr) & ~0xffU) | 7);
	return bind(fd, &own.any, sizeof(own.in)) < 0 ? -errno : 0;
}

/* A program of that user's connects; whether it stays says `manner`. */
static inline _Noreturn void connect_as(uid_t uid, const gid_t *groups, size_t n_groups,
    const union any_address *address, socklen_t len, enum manner manner, int stay)
{
	int fd;
	char byte;

	if (setgroups(n_groups, groups) < 0 || setresgid(OTHERS, OTHERS, OTHERS) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		_exit(2);
	fd = socket(address->any.sa_family, SOCK_STREAM, 0);
	if (fd < 0 || (manner == BOUND && bind_to_device(fd, address) < 0) ||
	    connect(fd, &address->any, len) < 0)
		_exit(3);
	if (manner == SENDS_AND_CLOSES && send(fd, "QUIT\r\n", 6, 0) != 6)
		_exit(4);
	if (manner == SHUTS && shutdown(fd, SHUT_WR) < 0)
		_exit(5);
	if (manner == SENDS_AND_CLOSES || manner == CLOSES)
		(void)close(fd);
	_exit(read(stay, &byte, 1) == 0 ? 0 : 6);
}

/* What a client is, and what becomes of it. */
struct visit {
	enum place place;
	enum manner manner;
	uid_t uid;
	bool has_group; /* as its process: MAIL_USERS */
	struct service service;
	const char *setting; /* Clients= */
	int want;
	const char *said;
};

static inline int visit(const struct visit *v, char **ret_why)
{
	const gid_t groups[] = {MAIL_USERS};
	const struct settings settings = {.clients = (char *)v->setting};
	_cleanup_close_ int listener = -1, fd = -1;
	union any_address address;
	int stay[2], status, r;
	socklen_t len;
	pid_t pid;

	listener = listen_at(v->place, &address, &len);
	ck_assert_int_eq(pipe2(stay, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(stay[1]);
		connect_as(
		    v->uid, groups, v->has_group, &address, len, v->manner, stay[0]);
	}
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	if (v->manner != STAYS && v->manner != BOUND) { /* till that has arrived */
		struct pollfd readable = {.fd = fd, .events = POLLIN | POLLRDHUP};

		do
			ck_assert_int_eq(poll(&readable, 1, 20000), 1);
		while (!(readable.revents & POLLRDHUP));
	}
	r = access_check(fd, &v->service, &settings, ret_why);
	(void)close(stay[0]);
	(void)close(stay[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	return r;
}

static inline void check_visits(const struct visit *visits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct visit *v = &visits[i];
		_cleanup_free_ char *why = NULL;
		int r = visit(v, &why);

		ck_assert_msg(r == v->want, "row %zu, uid %u by %s: %d, not %d (%s)", i,
		    (unsigned)v->uid, places[v->place].name, r, v->want, why);
		ck_assert_msg(!v->said || (why && strstr(why, v->said)),
		    "row %zu: the reason is '%s'", i, why);
	}
}

#define EVERYONE                                    \
	{                                           \
		.clients = SERVICE_CLIENTS_EVERYONE \
	}
#define ROOT                                    \
	{                                       \
		.clients = SERVICE_CLIENTS_ROOT \
	}
#define GROUP(name)                                             \
	{                                                       \
		.clients = SERVICE_CLIENTS_GROUP, .group = name \
	}
#define SETTING   \
	{         \
		0 \
	}
