/* SPDX-License-Identifier: Apache-2.0 */
/* Rules first, then who it is, then that user's groups: each look-up only where it decides. */

#include "access.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access-owner.h"
#include "access-peer.h"
#include "access-users.h"
#include "reason.h"

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

static int check_network(
    const struct access_peer *peer, const struct service *service, char **ret_why)
{
	for (size_t i = 0; i < service->n_networks; i++)
		if (network_contains(&service->networks[i], &peer->address))
			return 0;
	return reason_set(ret_why, -EREMOTE, "%s",
	    service->n_networks > 0
		? "it is not in the networks that may connect (--allow=)"
		: "only programs on this host may connect");
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
	_cleanup_access_entry_ struct access_entry e = {0};
	int r = access_users_find(uid, &e);

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

/* What to do about a refusal stands behind it: an operator reads only this. */
static int refuse(const struct access_peer *peer, const char *user,
    const struct rule *rule, char **ret_why)
{
	if (!rule->group)
		return reason_set(ret_why, -EREMOTE,
		    "uid %u%s%s%s is neither root nor the user this runs as, and nobody "
		    "else may connect (--clients=root)",
		    (unsigned)peer->uid, user ? " (" : "", user ? user : "",
		    user ? ")" : "");
	return reason_set(ret_why, -EREMOTE,
	    "uid %u%s%s%s is not in the group '%s', whose members may connect; "
	    "usermod -aG %s %s gives access%s",
	    (unsigned)peer->uid, user ? " (" : "", user ? user : "", user ? ")" : "",
	    rule->group, rule->group, user ? user : "USER",
	    rule->is_setting ? ", or Clients= in maildest.conf" : "");
}

static int check_group(
    int fd, const struct access_peer *peer, const struct rule *rule, char **ret_why)
{
	_cleanup_access_entry_ struct access_entry group = {0}, user = {0};
	int r;

	r = access_users_find_group(rule->group, &group);
	if (r == -ENOENT)
		return reason_set(ret_why, -EREMOTE,
		    "the group '%s', whose members may connect, does not exist, so uid "
		    "%u "
		    "may not; groupadd --system %s makes it%s",
		    rule->group, (unsigned)peer->uid, rule->group,
		    rule->is_setting ? ", and Clients= in maildest.conf names another"
				     : "");
	if (r < 0)
		return refuse_unknown("the user database does not answer", r, ret_why);
	if (peer->kind == ACCESS_PEER_UNIX) {
		r = access_peer_is_member(fd, peer, group.group.gr_gid);
		return r > 0 ? 0 : refuse(peer, NULL, rule, ret_why);
	}
	r = access_users_find(peer->uid, &user);
	if (r == -ENOENT)
		return refuse(peer, NULL, rule, ret_why);
	if (r == 0)
		r = access_users_is_member(&user.user, &group.group);
	if (r < 0)
		return refuse_unknown("the user database does not answer", r, ret_why);
	return r > 0 ? 0 : refuse(peer, user.user.pw_name, rule, ret_why);
}

static int find_owner(int fd, struct access_peer *peer, char **ret_why)
{
	int r;

	r = access_peer_find_owner(fd, peer);
	if (r == -ECONNABORTED)
		return reason_set(
		    ret_why, r, "the client was gone before it was looked at");
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

/* Everyone but another handler: destinations lead nowhere here, whoever else may connect. */
static int check_everyone(int fd, struct access_peer *peer, char **ret_why)
{
	int r;

	if (peer->kind != ACCESS_PEER_UNIX && access_owner(fd, &peer->uid) < 0)
		return 0; /* whose it is cannot be told, and need not */
	r = is_ours(peer->uid, ret_why);
	return MIN_OF(r, 0);
}

int access_check(int fd, const struct service *service, const struct settings *settings,
    char **ret_why)
{
	struct rule rule = find_rule(service, settings);
	struct access_peer peer;
	int r;

	r = access_peer_read(fd, &peer);
	if (r < 0)
		return reason_set(
		    ret_why, r, "the client was gone before it was looked at");
	if (peer.kind == ACCESS_PEER_REMOTE) {
		r = check_network(&peer, service, ret_why);
		if (r < 0)
			return r;
	}
	if (peer.kind == ACCESS_PEER_PIPE)
		return 0;
	if (rule.everyone)
		return check_everyone(fd, &peer, ret_why);
	r = access_peer_is_elsewhere(fd, &peer);
	if (r < 0)
		return refuse_unknown(
		    "the kernel does not say where the client is", r, ret_why);
	if (r > 0)
		return 0;
	r = find_owner(fd, &peer, ret_why);
	if (r == 0)
		r = is_ours(peer.uid, ret_why);
	if (r != 0)
		return MIN_OF(r, 0);
	return rule.group ? check_group(fd, &peer, &rule, ret_why)
			  : refuse(&peer, NULL, &rule, ret_why);
}
