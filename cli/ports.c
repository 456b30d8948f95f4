/* SPDX-License-Identifier: Apache-2.0 */
#include "ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "manager.h"
#include "owners.h"
#include "procs.h"
#include "reason.h"
#include "services.h"
#include "sockets.h"

/* Mail servers that open ports by themselves, where a distribution's unit starts them. */
static const struct {
	const char *unit;
	uint16_t ports[6]; /* 0 at the end */
} known[] = {
    {"courier-imap.service", {143}},
    {"courier-pop.service", {110}},
    {"cyrus-imapd.service", {110, 143, 993, 995}},
    {"dovecot.service", {110, 143, 993, 995}},
    {"exim4.service", {25}},
    {"postfix.service", {25}},
    {"sendmail.service", {25, 587}},
};

void port_conflicts_done(struct port_conflicts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].service);
		free(p->list[i].address);
		free(p->list[i].other);
	}
	free(p->list);
	*p = (struct port_conflicts){0};
}

/* Takes over `other`. */
static int add(struct port_conflicts *p, const struct service_unit *s, char *other)
{
	struct port_conflict *list = reallocarray(p->list, p->n + 1, sizeof(*list));
	char address[NETWORK_TEXT_MAX];

	if (!list || !other) {
		if (list)
			p->list = list;
		free(other);
		return -ENOMEM;
	}
	endpoint_format(&s->endpoint, address);
	p->list = list;
	list[p->n] = (struct port_conflict){strdup(s->name), strdup(address), other};
	p->n++;
	return list[p->n - 1].service && list[p->n - 1].address ? 0 : -ENOMEM;
}

/* Whether two programs cannot have both. An IPv6 wildcard mostly is that of IPv4 too. */
static bool collide(const struct endpoint *ours, const struct endpoint *theirs)
{
	if (ours->port != theirs->port)
		return false;
	if (address_is_wildcard(&theirs->address))
		return theirs->address.family == AF_INET6 ||
		       ours->address.family == AF_INET;
	return address_equal(&ours->address, &theirs->address);
}

static int check_listener(struct port_conflicts *p, const struct service_unit *s,
    const struct socket_seen *listener, const struct owners *owners)
{
	const struct owner *owner = owners_find(owners, listener->inode);
	char address[NETWORK_TEXT_MAX], *other;

	if (listener->is_unix || !listener->is_listening ||
	    !collide(&s->endpoint, &listener->local))
		return 0;
	/* systemd's are told of by their units */
	if (owner && (owner->pid == 1 || procs_is_ours(owner->pid)))
		return 0;
	endpoint_format(&listener->local, address);
	if (asprintf(&other, "%s (pid %d) listens on %s",
		owner ? owner->name : "another program", owner ? (int)owner->pid : 0,
		address) < 0)
		other = NULL;
	return add(p, s, other);
}

static int check_running(
    struct port_conflicts *p, const struct services *s, char **ret_why)
{
	_cleanup_sockets_ struct sockets_seen sockets = {0};
	_cleanup_owners_ struct owners owners = {0};
	int r = sockets_read(&sockets);

	if (r == 0)
		r = owners_read(&owners);
	if (r < 0)
		return reason_set(
		    ret_why, r, "the kernel does not list its sockets: %s", strerror(-r));
	for (size_t i = 0; i < s->n && r == 0; i++)
		for (size_t j = 0; s->list[i].is_served && j < sockets.n && r == 0; j++)
			r = check_listener(p, &s->list[i], &sockets.list[j], &owners);
	return r;
}

static int check_address(struct port_conflicts *p, const struct services *s,
    const char *unit, const char *text)
{
	_cleanup_free_ char *why = NULL;
	struct endpoint theirs;
	char *other;
	int r = 0;

	if (endpoint_parse(text, &theirs, &why) < 0)
		return 0; /* a Unix socket */
	for (size_t i = 0; i < s->n && r == 0; i++) {
		if (!s->list[i].is_served || !collide(&s->list[i].endpoint, &theirs))
			continue;
		if (asprintf(&other, "%s listens on %s, now or after the next boot", unit,
			text) < 0)
			other = NULL;
		r = add(p, &s->list[i], other);
	}
	return r;
}

static int check_socket_unit(struct port_conflicts *p, const struct services *s,
    struct manager *m, const char *unit)
{
	_cleanup_free_ char *path = NULL, *listen = NULL;
	char *rest, *word;
	int r = 0;

	if (manager_load(m, unit, &path) < 0)
		return 0; /* a template, or broken */
	listen = manager_listen(m, path);
	rest = listen;
	while (r == 0 && (word = strsep(&rest, " ")))
		r = check_address(p, s, unit, word);
	return r;
}

static int check_known(
    struct port_conflicts *p, const struct services *s, const char *unit)
{
	char address[NETWORK_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		if (strcmp(known[i].unit, unit) != 0)
			continue;
		for (size_t j = 0; known[i].ports[j] && r == 0; j++) {
			(void)snprintf(address, sizeof(address), "0.0.0.0:%u",
			    (unsigned)known[i].ports[j]); /* fits */
			r = check_address(p, s, unit, address);
		}
	}
	return r;
}

/* What the generator made of the services themselves. */
static bool is_generated(const struct manager_unit *u)
{
	static const char *const prefixes[] = {"maildest-svc-", "maildest-group-"};

	for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
		if (strncmp(u->name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_enabled(const struct manager_unit *u)
{
	return u && !is_generated(u) && u->active &&
	       strncmp(u->active, "enabled", strlen("enabled")) == 0;
}

/* A socket that was started by hand, and is not told of as one that is enabled. */
static bool is_started(const struct manager_unit *u, const struct manager_units *files)
{
	return !is_generated(u) && strcmp(u->active, "active") == 0 &&
	       !is_enabled(manager_units_find(files, u->name));
}

static int check_units(
    struct port_conflicts *p, const struct services *s, struct manager *m, char **ret_why)
{
	_cleanup_manager_units_ struct manager_units sockets = {0}, services = {0},
						     running = {0};
	int r;

	r = manager_files(m, "*.socket", &sockets, ret_why);
	if (r == 0)
		r = manager_units(m, "*.socket", &running, ret_why);
	if (r == 0)
		r = manager_files(m, "*.service", &services, ret_why);
	for (size_t i = 0; r == 0 && i < sockets.n; i++)
		if (is_enabled(&sockets.list[i]))
			r = check_socket_unit(p, s, m, sockets.list[i].name);
	for (size_t i = 0; r == 0 && i < running.n; i++)
		if (is_started(&running.list[i], &sockets))
			r = check_socket_unit(p, s, m, running.list[i].name);
	for (size_t i = 0; r == 0 && i < services.n; i++)
		if (is_enabled(&services.list[i]))
			r = check_known(p, s, services.list[i].name);
	return r;
}

int ports_find_conflicts(const struct services *s, struct manager *m,
    struct port_conflicts *ret, char **ret_why)
{
	_cleanup_port_conflicts_ struct port_conflicts p = {0};
	int r;

	r = check_running(&p, s, ret_why);
	if (r == 0 && m)
		r = check_units(&p, s, m, ret_why);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct port_conflicts){0};
	return 0;
}
