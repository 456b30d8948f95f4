/* SPDX-License-Identifier: Apache-2.0 */
/* The host's part: what systemd counts, and our processes. */

#include <errno.h>
#include <string.h>

#include "manager.h"
#include "sessions.h"
#include "status.h"

enum socket_column { UNIT, STATE, OPEN, ACCEPTED, REFUSED };

static void add_socket(
    struct status *s, struct manager *m, const struct manager_unit *unit)
{
	uint64_t open = manager_number(m, unit->path, "Socket", "NConnections");
	uint64_t accepted = manager_number(m, unit->path, "Socket", "NAccepted");
	uint64_t refused = manager_number(m, unit->path, "Socket", "NRefused");
	bool has_failed = strcmp(unit->active, "failed") == 0;

	s->accepted += accepted;
	s->refused += refused;
	table_row(&s->sockets);
	table_text(&s->sockets, UNIT, TABLE_PLAIN, unit->name);
	table_text(
	    &s->sockets, STATE, has_failed ? TABLE_BAD : TABLE_PLAIN, unit->active);
	table_number(&s->sockets, OPEN, TABLE_PLAIN, (int64_t)open, NULL);
	table_number(&s->sockets, ACCEPTED, TABLE_PLAIN, (int64_t)accepted, NULL);
	table_number(&s->sockets, REFUSED, refused ? TABLE_DOUBTFUL : TABLE_PLAIN,
	    (int64_t)refused, NULL);
	if (has_failed)
		status_add_problem(s, STATUS_CRITICAL, CLI_FAILED,
		    "%s has failed: maildest list says more, and journalctl -u %s",
		    unit->name, unit->name);
	/* the number never falls again; where there is no journal, it has to do */
	if (refused > 0 && status_were_too_many(unit->name) != 0)
		status_add_problem(s, STATUS_WARNING, CLI_WARNING,
		    "%s closed connections without a word within the last hour, as there "
		    "were too many at once (MaxConnections=; %llu since it was opened)",
		    unit->name, (unsigned long long)refused);
}

static void ask_systemd(struct status *s)
{
	_cleanup_manager_ struct manager m = {0};
	_cleanup_manager_units_ struct manager_units units = {0};
	_cleanup_free_ char *why = NULL;

	if (manager_open(&m, &why) < 0 ||
	    manager_units(&m, "maildest-*.socket", &units, &why) < 0)
		return; /* a container without systemd has nothing to tell */
	for (size_t i = 0; i < units.n; i++)
		if (strcmp(units.list[i].active, "inactive") != 0)
			add_socket(s, &m, &units.list[i]);
}

void status_ask_host(struct status *s)
{
	_cleanup_sessions_ struct sessions_seen sessions = {0};
	_cleanup_free_ char *why = NULL;

	ask_systemd(s);
	if (sessions_read(NULL, &sessions, &why) < 0) {
		status_add_problem(s, STATUS_WARNING, CLI_FAILED, "sessions: %s",
		    why ? why : "no memory");
		return;
	}
	s->sessions = sessions.n;
	for (size_t i = 0; i < sessions.procs.n; i++) {
		const struct proc *p = &sessions.procs.list[i];

		s->cpu_usec += p->cpu_usec;
		s->memory += p->memory;
		s->age_usec = MAX_OF(s->age_usec, p->age_usec);
	}
}
