/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which socket of a handler is the client's: one on Unix that has a name, as only
 * accepted ones do; else the TCP connection to a port that is listened on here; else, if
 * that has been closed meanwhile, the one with the lowest descriptor. A process that
 * listens is no session; one in another network namespace may listen there, which we
 * would not see: it is none either.
 */

#include "sessions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reason.h"

#define TITLE "maildest: "
#define SERVICE_OPTION "--service="

static void session_seen_done(struct session_seen *s)
{
	free(s->service);
	free(s->phase);
	free(s->client);
}

void sessions_done(struct sessions_seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		session_seen_done(&s->list[i]);
	free(s->list);
	procs_done(&s->procs);
	*s = (struct sessions_seen){0};
}

static int parse_arguments(const char *command, char **ret_service)
{
	const char *option = strstr(command, SERVICE_OPTION);
	const char *last = strrchr(command, ' ');

	if (option) {
		option += strlen(SERVICE_OPTION);
		*ret_service = strndup(option, strcspn(option, " "));
	} else {
		*ret_service = strdup(last && last[1] != '-' ? last + 1 : "");
	}
	return *ret_service ? 0 : -ENOMEM;
}

int sessions_parse_title(const char *command, char **ret_service, char **ret_phase)
{
	const char *service, *blank;

	*ret_phase = NULL;
	if (strncmp(command, TITLE, strlen(TITLE)) != 0)
		return parse_arguments(command, ret_service);
	service = command + strlen(TITLE);
	blank = strchr(service, ' ');
	*ret_service = strndup(service, strcspn(service, " "));
	if (blank && blank[1])
		*ret_phase = strdup(blank + 1);
	if (*ret_service && (*ret_phase || !blank || !blank[1]))
		return 0;
	free(*ret_service);
	*ret_service = NULL;
	return -ENOMEM;
}

/* Whether it was accepted: its own address is one that is listened on. */
static bool is_accepted(const struct sockets_seen *sockets, const struct socket_seen *s)
{
	for (size_t i = 0; i < sockets->n; i++) {
		const struct socket_seen *o = &sockets->list[i];

		if (o->is_listening && !o->is_unix && o->local.port == s->local.port &&
		    (address_is_wildcard(&o->local.address) ||
			address_equal(&o->local.address, &s->local.address)))
			return true;
	}
	return false;
}

/* 1 with the client's socket (NULL: it has none that we see), 0 for a process that listens. */
static int find_client(const struct proc *p, const struct sockets_seen *sockets,
    const struct socket_seen **ret)
{
	const struct socket_seen *tcp = NULL, *local = NULL, *accepted = NULL;

	for (size_t i = 0; i < p->n_sockets; i++) {
		const struct socket_seen *s = sockets_find(sockets, p->sockets[i]);

		if (s && s->is_listening)
			return 0;
		if (s && s->is_unix && s->path && !local)
			local = s;
		if (!s || s->is_unix)
			continue;
		if (!tcp)
			tcp = s;
		if (!accepted && is_accepted(sockets, s))
			accepted = s;
	}
	*ret = local ? local : accepted ? accepted : tcp;
	return 1;
}

static int describe_client(const struct sockets_seen *sockets,
    const struct socket_seen *client, struct session_seen *s)
{
	const struct socket_seen *peer = sockets_find_peer(sockets, client);
	char text[NETWORK_TEXT_MAX] = "unix";

	if (!client->is_unix)
		endpoint_format(&client->remote, text);
	s->client = strdup(text);
	s->has_uid = peer && peer->uid != (uid_t)-1 && peer->inode != 0;
	if (s->has_uid)
		s->uid = peer->uid;
	s->has_bytes = !client->is_unix;
	s->from_client = client->received;
	s->to_client = client->sent;
	return s->client ? 0 : -ENOMEM;
}

static int add(struct sessions_seen *all, const struct proc *p,
    const struct sockets_seen *sockets, const char *name)
{
	struct session_seen s = {.pid = p->pid, .age_usec = p->age_usec}, *list;
	const struct socket_seen *client = NULL;
	int r;

	if (p->kind != PROC_HANDLER || p->is_elsewhere ||
	    find_client(p, sockets, &client) == 0)
		return 0;
	r = sessions_parse_title(p->command, &s.service, &s.phase);
	if (r == 0 && client)
		r = describe_client(sockets, client, &s);
	if (r == 0 && name && strcmp(s.service, name) != 0) {
		session_seen_done(&s);
		return 0;
	}
	list = r < 0 ? NULL : reallocarray(all->list, all->n + 1, sizeof(*list));
	if (!list) {
		session_seen_done(&s);
		return -ENOMEM;
	}
	all->list = list;
	list[all->n++] = s;
	return 0;
}

static int by_age(const void *a, const void *b)
{
	uint64_t x = ((const struct session_seen *)a)->age_usec;
	uint64_t y = ((const struct session_seen *)b)->age_usec;

	return x > y ? -1 : x < y;
}

int sessions_read(const char *name, struct sessions_seen *ret, char **ret_why)
{
	_cleanup_sessions_ struct sessions_seen s = {0};
	_cleanup_sockets_ struct sockets_seen sockets = {0};
	int r;

	r = procs_read(&s.procs);
	if (r < 0)
		return reason_set(ret_why, r, "/proc: %s", strerror(-r));
	r = sockets_read(&sockets);
	if (r < 0)
		return reason_set(
		    ret_why, r, "the kernel does not list its sockets: %s", strerror(-r));
	for (size_t i = 0; i < s.procs.n && r == 0; i++)
		r = add(&s, &s.procs.list[i], &sockets, name);
	if (r < 0)
		return r;
	if (s.n > 0)
		qsort(s.list, s.n, sizeof(*s.list), by_age);
	*ret = s;
	s = (struct sessions_seen){0};
	return 0;
}
