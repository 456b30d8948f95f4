/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect, by programs that really run as other users, in a user database, mounts
 * and a network of the test's own.
 */

#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "access-owner.h"
#include "check-program.h"
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

static void replace(const char *name, const char *text, const char *over)
{
	_cleanup_free_ char *path = config_tree_path(&tree, name);

	config_tree_puts(&tree, name, text);
	config_tree_chmod(&tree, name, 0644);
	private_mounts_replace(path, over);
}

static void set_up_network(void)
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
static bool set_up(void)
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

static socklen_t fill_address(
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
static int listen_at(enum place place, union any_address *ret, socklen_t *ret_len)
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

enum manner { STAYS, SHUTS, SENDS_AND_CLOSES, CLOSES };

/* A program of that user's connects; whether it stays says `manner`. */
static _Noreturn void connect_as(uid_t uid, const gid_t *groups, size_t n_groups,
    const union any_address *address, socklen_t len, enum manner manner, int stay)
{
	int fd;
	char byte;

	if (setgroups(n_groups, groups) < 0 || setresgid(OTHERS, OTHERS, OTHERS) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		_exit(2);
	fd = socket(address->any.sa_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, &address->any, len) < 0)
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

static int visit(const struct visit *v, char **ret_why)
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
	if (v->manner != STAYS) { /* till that has arrived */
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

static void check_visits(const struct visit *visits, size_t n)
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

START_TEST(test_by_loopback_the_user_database_decides)
{
	static const struct {
		uid_t uid;
		struct service service;
		const char *setting;
		int want;
		const char *said;
	} rows[] = {
	    {0, ROOT, NULL, 0, NULL},
	    {0, GROUP("mail-users"), NULL, 0, NULL},
	    {0, GROUP("no-such-group"), NULL, 0, NULL},
	    {ALICE, GROUP("mail-users"), NULL, 0, NULL},
	    {BOB, GROUP("mail-users"), NULL, 0, NULL},
	    {CAROL, GROUP("mail-users"), NULL, -EREMOTE,
		"uid 4003 (carol) is not in the group 'mail-users', whose members may "
		"connect; usermod -aG mail-users carol"},
	    {CAROL, GROUP("others"), NULL, 0, NULL},
	    {GHOST, GROUP("mail-users"), NULL, -EREMOTE, "uid 4004 is not in the group"},
	    {GHOST, GROUP("others"), NULL, -EREMOTE, "uid 4004"},
	    {GHOST, EVERYONE, NULL, 0, NULL},
	    {ALICE, ROOT, NULL, -EREMOTE, "neither root"},
	    {ALICE, GROUP("no-such-group"), NULL, -EREMOTE, "does not exist"},
	    {ALICE, SETTING, NULL, -EREMOTE, "'maildest-clients', whose members"},
	    {ALICE, SETTING, "mail-users", 0, NULL},
	    {CAROL, SETTING, "mail-users", -EREMOTE, "Clients= in maildest.conf"},
	    {GHOST, SETTING, "everyone", 0, NULL},
	    {0, SETTING, "mail-users", 0, NULL},
	};
	static const enum place loopback[] = {IPV4, IPV6, MAPPED};

	if (!set_up())
		return;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (size_t k = 0; k < ELEMENTSOF(loopback); k++)
			check_visits(&(struct visit){loopback[k], STAYS, rows[i].uid,
					 true, rows[i].service, rows[i].setting,
					 rows[i].want, rows[i].said},
			    1);
	config_tree_done(&tree);
}
END_TEST

START_TEST(test_by_a_unix_socket_its_process_decides)
{
	static const struct visit rows[] = {
	    {UNIX, STAYS, 0, false, ROOT, NULL, 0, NULL},
	    {UNIX, STAYS, CAROL, true, GROUP("mail-users"), NULL, 0, NULL},
	    {UNIX, STAYS, GHOST, true, GROUP("mail-users"), NULL, 0, NULL},
	    {UNIX, STAYS, GHOST, false, GROUP("others"), NULL, 0, NULL},
	    {UNIX, STAYS, ALICE, false, GROUP("mail-users"), NULL, -EREMOTE,
		"uid 4001 is not in the group 'mail-users'"},
	    {UNIX, STAYS, GHOST, false, EVERYONE, NULL, 0, NULL},
	    {UNIX, STAYS, ALICE, true, ROOT, NULL, -EREMOTE, "neither root"},
	    {UNIX, STAYS, ALICE, true, GROUP("none"), NULL, -EREMOTE, "does not exist"},
	    {UNIX, SENDS_AND_CLOSES, CAROL, true, GROUP("mail-users"), NULL, 0, NULL},
	    {UNIX, SENDS_AND_CLOSES, ALICE, false, GROUP("mail-users"), NULL, -EREMOTE,
		NULL},
	};

	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	config_tree_done(&tree);
}
END_TEST

/* The kernel shows uid 0 for a socket that nobody has open any more: it is not root's. */
START_TEST(test_who_has_gone_is_nobody)
{
	static const struct visit rows[] = {
	    {IPV4, SHUTS, ALICE, false, GROUP("mail-users"), NULL, 0, NULL},
	    {IPV4, SHUTS, CAROL, false, GROUP("mail-users"), NULL, -EREMOTE, "carol"},
	    {IPV4, SENDS_AND_CLOSES, ALICE, false, GROUP("mail-users"), NULL, -EREMOTE,
		"no process of this host"},
	    {IPV4, SENDS_AND_CLOSES, CAROL, false, GROUP("mail-users"), NULL, -EREMOTE,
		"no process of this host"},
	    {IPV4, SENDS_AND_CLOSES, CAROL, false, ROOT, NULL, -EREMOTE, "no process"},
	    {IPV6, SENDS_AND_CLOSES, CAROL, false, ROOT, NULL, -EREMOTE, "no process"},
	    {IPV4, SENDS_AND_CLOSES, 0, false, ROOT, NULL, -EREMOTE, "no process"},
	    {IPV4, CLOSES, CAROL, false, ROOT, NULL, -ECONNABORTED, "gone"},
	    {IPV4, CLOSES, 0, false, ROOT, NULL, -ECONNABORTED, "gone"},
	    {IPV4, SENDS_AND_CLOSES, CAROL, false, EVERYONE, NULL, 0, NULL},
	};

	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	config_tree_done(&tree);
}
END_TEST

static struct service service_allowing(char *networks)
{
	struct service s = EVERYONE;
	char *why = NULL;

	if (networks)
		ck_assert_int_eq(service_take_option(&s, "allow", networks, &why), 0);
	return s;
}

START_TEST(test_other_addresses_need_a_network)
{
	char near[] = "198.51.100.0/24,192.0.2.0/28", far[] = "192.0.3.0/24,::/0",
	     all[] = "0.0.0.0/0";
	const struct visit rows[] = {
	    {FAR, STAYS, 0, false, service_allowing(NULL), NULL, -EREMOTE,
		"only programs on this host"},
	    {FAR, STAYS, CAROL, false, service_allowing(far), NULL, -EREMOTE, "--allow="},
	    {FAR, STAYS, CAROL, false, service_allowing(near), NULL, 0, NULL},
	    {FAR, STAYS, CAROL, false, service_allowing(all), NULL, 0, NULL},
	};
	char own[] = "0.0.0.0/0";
	struct visit limited = {
	    IPV4, STAYS, CAROL, false, service_allowing(own), NULL, -EREMOTE, "carol"};

	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	/* a network of other hosts lets nobody of this one in */
	limited.service.clients = SERVICE_CLIENTS_GROUP;
	limited.service.group = "mail-users";
	check_visits(&limited, 1);
	config_tree_done(&tree);
}
END_TEST

/* By an address of the host's own, a program is still one of this host's. */
START_TEST(test_other_addresses_are_no_way_around)
{
	char near[] = "192.0.2.0/28";
	struct service limited = service_allowing(near);
	struct visit rows[5];

	limited.clients = SERVICE_CLIENTS_GROUP;
	limited.group = "mail-users";
	rows[0] = (struct visit){FAR, STAYS, ALICE, false, limited, NULL, 0, NULL};
	rows[1] = (struct visit){FAR, STAYS, 0, false, limited, NULL, 0, NULL};
	rows[2] =
	    (struct visit){FAR, STAYS, CAROL, false, limited, NULL, -EREMOTE, "carol"};
	rows[3] = (struct visit){
	    FAR, SENDS_AND_CLOSES, ALICE, false, limited, NULL, -EREMOTE, "no process"};
	limited.clients = SERVICE_CLIENTS_ROOT;
	rows[4] =
	    (struct visit){FAR, STAYS, ALICE, false, limited, NULL, -EREMOTE, "4001"};
	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	config_tree_done(&tree);
}
END_TEST

/* Seen from where neither its socket nor its address is, the client is on another host. */
START_TEST(test_another_host_is_known_by_its_network)
{
	char near[] = "192.0.2.0/28", elsewhere[] = "192.0.3.0/28";
	const struct settings settings = {0};
	struct service limited = service_allowing(near);
	struct service other = service_allowing(elsewhere);
	_cleanup_free_ char *why = NULL;
	union any_address address;
	socklen_t len;
	int listener, client, fd;

	limited.clients = other.clients = SERVICE_CLIENTS_ROOT;
	if (!set_up())
		return;
	listener = listen_at(FAR, &address, &len);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(client, &address.any, len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(access_check(fd, &limited, &settings, &why), 0);
	ck_assert_int_eq(access_check(fd, &other, &settings, &why), -EREMOTE);
	(void)close(fd);
	(void)close(client);
	(void)close(listener);
	config_tree_done(&tree);
}
END_TEST

/* A connection that was handed in from elsewhere has no other end here. */
START_TEST(test_another_network_namespace_is_nobodys)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	if (!set_up())
		return;
	peer_tcp_pair(fds);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), 0);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), -EREMOTE);
	ck_assert_ptr_nonnull(strstr(why, "network namespace"));
	(void)close(fds[0]);
	(void)close(fds[1]);
	config_tree_done(&tree);
}
END_TEST

/* In a closed client's stead the kernel would name who listens on the same address. */
START_TEST(test_a_listener_on_the_clients_port_is_not_the_client)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_close_ int listener = -1, fd = -1, client = -1, impostor = -1;
	_cleanup_free_ char *why = NULL;
	union any_address address, own;
	static const int on = 1;
	socklen_t len, own_len = sizeof(own);

	if (!set_up())
		return;
	listener = listen_at(IPV4, &address, &len);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(connect(client, &address.any, len), 0);
	ck_assert_int_eq(getsockname(client, &own.any, &own_len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_eq(access_check(fd, &service, &settings, &why), 0);

	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	(void)close(client);
	client = -1;
	impostor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    setsockopt(impostor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	if (bind(impostor, &own.any, own_len) == 0)
		ck_assert_int_eq(listen(impostor, 1), 0);
	ck_assert_int_eq(access_check(fd, &service, &settings, &why), -EREMOTE);
	config_tree_done(&tree);
}
END_TEST

START_TEST(test_pipes_are_whoever_started_us)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

START_TEST(test_our_own_user_may)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(CAROL, CAROL, CAROL), 0);
	peer_tcp_pair(fds);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

/* All services have that user: by it, a destination would lead into any other. */
START_TEST(test_another_handler_may_not)
{
	const struct service services[] = {ROOT, GROUP("mail-users"), EVERYONE};
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	if (!set_up())
		return;
	ck_assert_int_eq(setresuid(SERVICE, SERVICE, SERVICE), 0);
	peer_tcp_pair(fds);
	for (size_t i = 0; i < ELEMENTSOF(services); i++) {
		free(why);
		why = NULL;
		ck_assert_int_eq(
		    access_check(fds[0], &services[i], &settings, &why), -EREMOTE);
		ck_assert_msg(
		    strstr(why, "another session of maildest") != NULL, "%s", why);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_by_loopback_the_user_database_decides,
	    test_by_a_unix_socket_its_process_decides,
	    test_who_has_gone_is_nobody,
	    test_other_addresses_need_a_network,
	    test_other_addresses_are_no_way_around,
	    test_another_host_is_known_by_its_network,
	    test_another_network_namespace_is_nobodys,
	    test_a_listener_on_the_clients_port_is_not_the_client,
	    test_pipes_are_whoever_started_us,
	    test_our_own_user_may,
	    test_another_handler_may_not,
	};

	return check_program("access", tests, ELEMENTSOF(tests));
}
