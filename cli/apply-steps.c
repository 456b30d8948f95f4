/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address may go from one socket to another, so that all let go of theirs before one
 * is opened anew.
 */

#include "apply-work.h"

#include <errno.h>
#include <string.h>

static bool is_socket(const char *unit)
{
	const char *dot = strrchr(unit, '.');

	return dot && strcmp(dot, ".socket") == 0;
}

/*
 * A forking service goes with its socket (PartOf=), but later: until it has gone, it
 * listens, so that is waited for too. Once its file is gone, systemd knows nothing any
 * more of its KillMode=process and would cut its sessions: that is left to the
 * administrator. Per connection there is no such unit.
 */
static int stop_service(struct apply_work *w, const char *service, char **ret_why)
{
	_cleanup_free_ char *path = NULL, *state = NULL, *active = NULL;
	struct manager_unit unit = {0};

	if (manager_load(&w->manager, service, &path) < 0)
		return 0;
	state = manager_text(&w->manager, path, "Unit", "LoadState");
	active = manager_text(&w->manager, path, "Unit", "ActiveState");
	unit.active = active;
	if (!state || !active || !apply_is_up(&unit))
		return 0;
	if (strcmp(state, "loaded") != 0)
		return manager_note_failure(&w->manager, service);
	return manager_queue(&w->manager, "StopUnit", service, ret_why);
}

static int stop(struct apply_work *w, const char *unit, char **ret_why)
{
	_cleanup_free_ char *service = apply_sibling(unit, ".service");
	int r = 0;

	if (!service)
		return -ENOMEM;
	if (is_socket(unit))
		r = manager_queue(&w->manager, "StopUnit", unit, ret_why);
	return r < 0 ? r : stop_service(w, service, ret_why);
}

int apply_stop(struct apply_work *w, struct apply *a, char **ret_why)
{
	int r = 0;

	for (size_t i = 0; i < a->n && r == 0; i++) {
		struct apply_step *s = &a->steps[i];

		if (s->is_stopped || strcmp(s->action, "start") == 0)
			continue;
		r = stop(w, s->unit, ret_why);
		s->is_stopped = true;
	}
	return r < 0 ? r : manager_wait(&w->manager, ret_why);
}

int apply_start(struct apply_work *w, struct apply *a, char **ret_why)
{
	int r = 0;

	for (size_t i = 0; i < a->n && r == 0; i++)
		if (strcmp(a->steps[i].action, "stop") != 0)
			r = manager_queue(
			    &w->manager, "StartUnit", a->steps[i].unit, ret_why);
	return r < 0 ? r : manager_wait(&w->manager, ret_why);
}
