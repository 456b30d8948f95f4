/* SPDX-License-Identifier: Apache-2.0 */
#include "ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "installed.h"
#include "manager.h"
#include "owners.h"
#include "procs.h"
#include "reason.h"
#include "services.h"
#include "sockets.h"
#include "text.h"
#include "unit-files.h"

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
static int add(struct port_conflicts *p, const struct port_wanted *w, char *other)
{
	struct port_conflict *list, *last;
	char address[NETWORK_TEXT_MAX];

	if (!other)
		return -ENOMEM;
	list = reallocarray(p->list, p->n + 1, sizeof(*list));
	if (!list) {
		free(other);
		return -ENOMEM;
	}
	p->list = list;
	last = &list[p->n++];
	endpoint_format(&w->place, address);
	*last = (struct port_conflict){strdup(w->name), strdup(address), other};
	return last->service && last->address ? 0 : -ENOMEM;
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

/* "dovecot (pid 812) listens on 0.0.0.0:143", malloc'd, or NULL; only root sees whose it is. */
static char *describe(const struct owner *owner, const struct endpoint *place)
{
	char address[NETWORK_TEXT_MAX];

	endpoint_format(place, address);
	if (owner)
		return text_format(
		    "%s (pid %d) listens on %s", owner->name, (int)owner->pid, address);
	return text_format("another program listens on %s", address);
}

static int check_listener(struct port_conflicts *p, const struct port_wanted *w,
    const struct socket_seen *listener, const struct owners *owners)
{
	const struct owner *owner = owners_find(owners, listener->inode);

	if (listener->is_unix || !listener->is_listening ||
	    !collide(&w->place, &listener->local))
		return 0;
	/* systemd's are told of by their units; without it, 1 is a program like others */
	if (owner && ((owner->pid == 1 && sd_booted() > 0) || procs_is_ours(owner->pid)))
		return 0;
	return add(p, w, describe(owner, &listener->local));
}

static int check_running(
    struct port_conflicts *p, const struct ports_wanted *w, char **ret_why)
{
	_cleanup_sockets_ struct sockets_seen sockets = {0};
	_cleanup_owners_ struct owners owners = {0};
	int r = sockets_read(&sockets);

	if (r == 0)
		r = owners_read(&owners);
	if (r < 0)
		return reason_set(
		    ret_why, r, "the kernel does not list its sockets: %s", strerror(-r));
	for (size_t i = 0; i < w->n && r == 0; i++)
		for (size_t j = 0; j < sockets.n && r == 0; j++)
			r = check_listener(p, &w->list[i], &sockets.list[j], &owners);
	return r;
}

static int check_address(struct port_conflicts *p, const struct ports_wanted *w,
    const char *unit, const char *text)
{
	_cleanup_free_ char *why = NULL;
	struct endpoint theirs;
	char *other;
	int r = 0;

	if (endpoint_parse(text, &theirs, &why) < 0)
		return 0; /* a Unix socket */
	for (size_t i = 0; i < w->n && r == 0; i++) {
		if (!collide(&w->list[i].place, &theirs))
			continue;
		other = text_format(
		    "%s listens on %s, now or after the next boot", unit, text);
		r = add(p, &w->list[i], other);
	}
	return r;
}

static int check_socket_unit(struct port_conflicts *p, const struct ports_wanted *w,
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
		r = check_address(p, w, unit, word);
	return r;
}

static int check_known(
    struct port_conflicts *p, const struct ports_wanted *w, const char *unit)
{
	char address[NETWORK_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		if (strcmp(known[i].unit, unit) != 0)
			continue;
		for (size_t j = 0; known[i].ports[j] && r == 0; j++) {
			(void)snprintf(address, sizeof(address), "0.0.0.0:%u",
			    (unsigned)known[i].ports[j]); /* fits */
			r = check_address(p, w, unit, address);
		}
	}
	return r;
}

/*
 * What is no stranger: what the generator made of the services, which tell of the installed
 * ports as of others'; and for the installed ports these themselves, two at each place.
 */
static bool is_ours(const struct ports_wanted *w, const char *unit)
{
	return unit_is_generated(unit) || (w->are_installed && installed_has(unit));
}

static bool is_enabled(const struct manager_unit *u)
{
	return u && u->active && strncmp(u->active, "enabled", strlen("enabled")) == 0;
}

/* A socket that was started by hand, and is not told of as one that is enabled. */
static bool is_started(const struct manager_unit *u, const struct manager_units *files)
{
	return strcmp(u->active, "active") == 0 &&
	       !is_enabled(manager_units_find(files, u->name));
}

static int check_sockets(struct port_conflicts *p, const struct ports_wanted *w,
    struct manager *m, char **ret_why)
{
	_cleanup_manager_units_ struct manager_units files = {0}, running = {0};
	int r;

	r = manager_files(m, "*.socket", &files, ret_why);
	if (r == 0)
		r = manager_units(m, "*.socket", &running, ret_why);
	for (size_t i = 0; r == 0 && i < files.n; i++)
		if (is_enabled(&files.list[i]) && !is_ours(w, files.list[i].name))
			r = check_socket_unit(p, w, m, files.list[i].name);
	for (size_t i = 0; r == 0 && i < running.n; i++)
		if (is_started(&running.list[i], &files) &&
		    !is_ours(w, running.list[i].name))
			r = check_socket_unit(p, w, m, running.list[i].name);
	return r;
}

static int check_servers(struct port_conflicts *p, const struct ports_wanted *w,
    struct manager *m, char **ret_why)
{
	_cleanup_manager_units_ struct manager_units services = {0};
	int r = manager_files(m, "*.service", &services, ret_why);

	for (size_t i = 0; r == 0 && i < services.n; i++)
		if (is_enabled(&services.list[i]))
			r = check_known(p, w, services.list[i].name);
	return r;
}

int ports_find_conflicts(const struct ports_wanted *w, struct manager *m,
    struct port_conflicts *ret, char **ret_why)
{
	_cleanup_port_conflicts_ struct port_conflicts p = {0};
	int r = 0;

	if (w->n > 0)
		r = check_running(&p, w, ret_why);
	if (r == 0 && w->n > 0 && m)
		r = check_sockets(&p, w, m, ret_why);
	if (r == 0 && w->n > 0 && m)
		r = check_servers(&p, w, m, ret_why);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct port_conflicts){0};
	return 0;
}

const struct port_conflict *port_conflicts_find(
    const struct port_conflicts *p, const char *service)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->list[i].service, service) == 0)
			return &p->list[i];
	return NULL;
}
