/* SPDX-License-Identifier: Apache-2.0 */
/* Rules first, then who it is, then that user's groups: each look-up only where it decides. */

#include "access.h"

#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "access-owner.h"
#include "reason.h"

/* The user database's answers: an entry is a line, a group's may have many members. */
#define ENTRY_SIZE ((size_t)4096)
#define ENTRY_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define GROUPS_MAX 65536
#define SERVICE_USER "maildest"

/* Who may, in the end. */
struct rule {
	bool everyone;
	const char *group; /* borrowed; NULL: none but root and ourselves */
	bool is_setting;   /* it came from maildest.conf, or is the default */
};

static struct rule find_rule(
    const struct service *service, const struct settings *settings)
{
	struct rule rule = {0};

	switch (service->clients) {
	case SERVICE_CLIENTS_EVERYONE:
		rule.everyone = true;
		break;
	case SERVICE_CLIENTS_ROOT:
		break;
	case SERVICE_CLIENTS_GROUP:
		rule.group = service->group;
		break;
	case SERVICE_CLIENTS_SETTING:
		rule.is_setting = true;
		rule.group =
		    settings->clients ? settings->clients : SETTINGS_CLIENTS_GROUP;
		rule.everyone = strcmp(rule.group, "everyone") == 0;
		break;
	}
	return rule;
}

bool access_needs_settings(const struct service *service)
{
	return service->clients == SERVICE_CLIENTS_SETTING;
}

/* The peer, as far as it says itself. */
struct client {
	enum { CLIENT_PIPE, CLIENT_UNIX, CLIENT_LOOPBACK, CLIENT_REMOTE } kind;
	struct address address; /* CLIENT_REMOTE */
	uid_t uid;
	gid_t gid; /* CLIENT_UNIX */
};

static int read_unix(int fd, struct client *ret)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -ECONNABORTED;
	ret->kind = CLIENT_UNIX;
	ret->uid = peer.uid;
	ret->gid = peer.gid;
	return 0;
}

static int read_client(int fd, struct client *ret)
{
	struct sockaddr_storage storage = {0};
	const struct sockaddr_in6 *in6 = (const void *)&storage;
	const struct sockaddr_in *in = (const void *)&storage;
	socklen_t len = sizeof(storage);
	struct address *a = &ret->address;
	bool mapped;

	*ret = (struct client){.kind = CLIENT_PIPE};
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
		? CLIENT_LOOPBACK
		: CLIENT_REMOTE;
	return 0;
}

static int check_network(
    const struct client *c, const struct service *service, char **ret_why)
{
	for (size_t i = 0; i < service->n_networks; i++)
		if (network_contains(&service->networks[i], &c->address))
			return 0;
	return reason_set(ret_why, -EREMOTE, "%s",
	    service->n_networks > 0
		? "it is not in the networks that may connect (--allow=)"
		: "only programs on this host may connect");
}

/* A user's or a group's entry in the user database, with the memory that it needs. */
struct entry {
	char *buffer; /* owned */
	struct passwd user;
	struct group group;
};

static void entry_done(struct entry *e)
{
	free(e->buffer);
}
#define _cleanup_entry_ _cleanup_(entry_done)

static int look_up(struct entry *e, const char *group, uid_t uid, char *buffer, size_t n)
{
	struct passwd *user = NULL;
	struct group *found = NULL;
	int error;

	if (group) {
		error = getgrnam_r(group, &e->group, buffer, n, &found);
		return error ? -error : (found ? 0 : -ENOENT);
	}
	error = getpwuid_r(uid, &e->user, buffer, n, &user);
	return error ? -error : (user ? 0 : -ENOENT);
}

/* The group of that name, or without one the user of that number: 0, -ENOENT or -errno. */
static int entry_find(struct entry *e, const char *group, uid_t uid)
{
	int r = -ERANGE;

	for (size_t n = ENTRY_SIZE; r == -ERANGE && n <= ENTRY_SIZE_MAX; n *= 4) {
		char *more = realloc(e->buffer, n);

		if (!more)
			return -ENOMEM;
		e->buffer = more;
		r = look_up(e, group, uid, more, n);
	}
	return r;
}

static bool is_among(const gid_t *groups, size_t n, gid_t group)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* Who it is cannot be told: a temporary failure where this host does not say it. */
static int refuse_unknown(const char *what, int error, char **ret_why)
{
	if (error == 0)
		return reason_set(ret_why, -EREMOTE, "%s", what);
	return reason_set(ret_why, -EIO, "%s: %s", what, strerror(-error));
}

/* Whether it is the user that the units run handlers as: 1, 0 or -errno. */
static int is_service_user(uid_t uid)
{
	_cleanup_entry_ struct entry e = {0};
	int r = entry_find(&e, NULL, uid);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return strcmp(e.user.pw_name, SERVICE_USER) == 0;
}

/*
 * Root may, and by hand whoever runs this. Not so another handler of the units: all
 * services have the same user, and a destination must not lead into another. 1, 0, or
 * -EREMOTE with *ret_why.
 */
static int is_ours(uid_t uid, char **ret_why)
{
	int r;

	if (uid == 0)
		return 1;
	if (uid != geteuid())
		return 0;
	r = is_service_user(uid);
	if (r < 0)
		return refuse_unknown("the user database does not answer", r, ret_why);
	if (r == 0)
		return 1;
	return reason_set(ret_why, -EREMOTE,
	    "it is another session of maildest: the server of its destination is a port "
	    "of maildest itself");
}

/* The groups that a process had when it connected: 1, 0 or -errno. */
static int is_peer_member(int fd, const struct client *c, gid_t group)
{
	_cleanup_free_ gid_t *groups = NULL;
	socklen_t len = 0;

	if (c->gid == group)
		return 1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) < 0 && errno != ERANGE)
		return -errno;
	if (len == 0)
		return 0;
	groups = malloc(len);
	if (!groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return -errno;
	return is_among(groups, len / sizeof(*groups), group);
}

static bool is_listed(const struct passwd *user, const struct group *group)
{
	for (char **name = group->gr_mem; name && *name; name++)
		if (strcmp(*name, user->pw_name) == 0)
			return true;
	return false;
}

/*
 * Whether a user is in a group by the database: 1, 0 or -errno. Most members are in the two
 * entries at hand; where they are not, all groups have to be gone through.
 */
static int is_user_member(const struct passwd *user, const struct group *group)
{
	int n = 64, r = -1;

	if (user->pw_gid == group->gr_gid || is_listed(user, group))
		return 1;

	while (r < 0 && n <= GROUPS_MAX) {
		int room = n;
		_cleanup_free_ gid_t *groups = calloc((size_t)room, sizeof(*groups));

		if (!groups)
			return -ENOMEM;
		r = getgrouplist(user->pw_name, user->pw_gid, groups, &n);
		if (r >= 0)
			return is_among(groups, (size_t)r, group->gr_gid);
		n = MAX_OF(n, room * 2);
	}
	return -E2BIG;
}

/* What to do about a refusal stands behind it: an operator reads only this. */
static int refuse(
    const struct client *c, const char *user, const struct rule *rule, char **ret_why)
{
	if (!rule->group)
		return reason_set(ret_why, -EREMOTE,
		    "uid %u%s%s%s is neither root nor the user this runs as, and nobody "
		    "else may connect (--clients=root)",
		    (unsigned)c->uid, user ? " (" : "", user ? user : "",
		    user ? ")" : "");
	return reason_set(ret_why, -EREMOTE,
	    "uid %u%s%s%s is not in the group '%s', whose members may connect; "
	    "usermod -aG %s %s gives access%s",
	    (unsigned)c->uid, user ? " (" : "", user ? user : "", user ? ")" : "",
	    rule->group, rule->group, user ? user : "USER",
	    rule->is_setting ? ", or Clients= in maildest.conf" : "");
}

static int check_group(
    int fd, const struct client *c, const struct rule *rule, char **ret_why)
{
	_cleanup_entry_ struct entry group = {0}, user = {0};
	int r;

	r = entry_find(&group, rule->group, 0);
	if (r == -ENOENT)
		return reason_set(ret_why, -EREMOTE,
		    "the group '%s', whose members may connect, does not exist, so uid "
		    "%u "
		    "may not; groupadd --system %s makes it%s",
		    rule->group, (unsigned)c->uid, rule->group,
		    rule->is_setting ? ", and Clients= in maildest.conf names another"
				     : "");
	if (r < 0)
		return refuse_unknown("the user database does not answer", r, ret_why);
	if (c->kind == CLIENT_UNIX) {
		r = is_peer_member(fd, c, group.group.gr_gid);
		return r > 0 ? 0 : refuse(c, NULL, rule, ret_why);
	}
	r = entry_find(&user, NULL, c->uid);
	if (r == -ENOENT)
		return refuse(c, NULL, rule, ret_why);
	if (r == 0)
		r = is_user_member(&user.user, &group.group);
	if (r < 0)
		return refuse_unknown("the user database does not answer", r, ret_why);
	return r > 0 ? 0 : refuse(c, user.user.pw_name, rule, ret_why);
}

/* Whether the peer has ended without a word, as port scans and health checks do. */
static bool is_gone(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static int find_owner(int fd, struct client *c, char **ret_why)
{
	int r;

	if (c->kind == CLIENT_UNIX)
		return 0;
	r = access_owner(fd, &c->uid);
	if (r == -ENOENT)
		r = -ESRCH;
	if (r == -ESRCH && is_gone(fd))
		return reason_set(ret_why, -ECONNABORTED,
		    "the client was gone before it was looked at");
	if (r == -ESRCH)
		return refuse_unknown(
		    "no process of this host has the other end open, so whose it was "
		    "cannot be told (it may have closed it at once, or be in another "
		    "network namespace)",
		    0, ret_why);
	if (r < 0)
		return refuse_unknown(
		    "the kernel does not say whose the connection is (tcp_diag)", r,
		    ret_why);
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

/*
 * Whether the peer is on another host: 1, 0 or -errno. A program of this one reaches us by
 * an address of this host too, and is none the more for it.
 */
static int is_elsewhere(int fd, const struct client *c)
{
	uid_t ignored;
	int r;

	if (c->kind != CLIENT_REMOTE)
		return 0;
	r = access_owner(fd, &ignored);
	if (r != -ENOENT)
		return r == -ESRCH ? 0 : r;
	r = is_own_address(&c->address);
	return r < 0 ? r : !r;
}

/* Everyone but another handler: destinations lead nowhere here, whoever else may connect. */
static int check_everyone(int fd, struct client *c, char **ret_why)
{
	int r;

	if (c->kind != CLIENT_UNIX && access_owner(fd, &c->uid) < 0)
		return 0; /* whose it is cannot be told, and need not */
	r = is_ours(c->uid, ret_why);
	return MIN_OF(r, 0);
}

int access_check(int fd, const struct service *service, const struct settings *settings,
    char **ret_why)
{
	struct rule rule = find_rule(service, settings);
	struct client c;
	int r;

	r = read_client(fd, &c);
	if (r < 0)
		return reason_set(
		    ret_why, r, "the client was gone before it was looked at");
	if (c.kind == CLIENT_REMOTE) {
		r = check_network(&c, service, ret_why);
		if (r < 0)
			return r;
	}
	if (c.kind == CLIENT_PIPE)
		return 0;
	if (rule.everyone)
		return check_everyone(fd, &c, ret_why);
	r = is_elsewhere(fd, &c);
	if (r < 0)
		return refuse_unknown(
		    "the kernel does not say where the client is", r, ret_why);
	if (r > 0)
		return 0;
	r = find_owner(fd, &c, ret_why);
	if (r == 0)
		r = is_ours(c.uid, ret_why);
	if (r != 0)
		return MIN_OF(r, 0);
	return rule.group ? check_group(fd, &c, &rule, ret_why)
			  : refuse(&c, NULL, &rule, ret_why);
}
