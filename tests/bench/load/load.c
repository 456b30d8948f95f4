/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions to be measured: one after the other, many at once, or idle. */

#include "load.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "deadline.h"
#include "report.h"
#include "samples.h"
#include "workers.h"

/* How many of those to be held begin at the same time. */
#define HOLD_CONCURRENCY 16

struct load {
	const struct target *target;
	struct samples samples;
};

static void run_one(size_t i, void *data)
{
	struct load *l = data;
	_cleanup_free_ struct connection *c = malloc(sizeof(*c));
	uint64_t begun = deadline_now();
	int r;

	if (!c)
		return;
	r = session_begin(c, l->target);
	if (r == 0)
		r = session_end(c, l->target);
	if (r == 0)
		l->samples.usec[i] = deadline_now() - begun;
	connection_done(c);
}

int load_run(const struct target *t, size_t sessions, size_t concurrency)
{
	_cleanup_report_ struct report report = {0};
	struct load l = {.target = t};
	uint64_t usec = 0;
	int r;

	r = samples_init(&l.samples, sessions);
	if (r < 0)
		return r;
	r = workers_run(concurrency, sessions, run_one, &l, &usec);
	if (r == 0) {
		report_begin(&report);
		samples_write(&l.samples, &report.w);
		json_writer_integer(&report.w, "usec", (int64_t)usec);
		r = report_print(&report);
	}
	samples_done(&l.samples);
	return r;
}

struct held {
	const struct target *target;
	struct connection **connections; /* owned, and what they point to; NULL: failed */
	atomic_bool lost;		 /* a session that had begun */
};

static void begin_one(size_t i, void *data)
{
	struct held *h = data;
	struct connection *c = malloc(sizeof(*c));

	if (!c)
		return;
	if (session_begin(c, h->target) == 0) {
		h->connections[i] = c;
		return;
	}
	connection_done(c);
	free(c);
}

static void end_one(size_t i, void *data)
{
	struct held *h = data;
	struct connection *c = h->connections[i];

	if (!c)
		return;
	if (session_end(c, h->target) < 0)
		h->lost = true;
	connection_done(c);
	free(c);
}

static int tell_held(const struct held *h, size_t sessions)
{
	_cleanup_report_ struct report report = {0};
	size_t ok = 0;

	for (size_t i = 0; i < sessions; i++)
		ok += h->connections[i] != NULL;
	report_begin(&report);
	json_writer_integer(&report.w, "ok", (int64_t)ok);
	json_writer_integer(&report.w, "failed", (int64_t)(sessions - ok));
	return report_print(&report);
}

static void wait_for_end_of_input(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

int load_hold(const struct target *t, size_t sessions)
{
	struct held h = {.target = t};
	uint64_t usec;
	int r, r2;

	h.connections = calloc(sessions, sizeof(struct connection *));
	if (!h.connections)
		return -ENOMEM;
	r = workers_run(HOLD_CONCURRENCY, sessions, begin_one, &h, &usec);
	if (r == 0)
		r = tell_held(&h, sessions);
	if (r == 0)
		wait_for_end_of_input();
	r2 = workers_run(HOLD_CONCURRENCY, sessions, end_one, &h, &usec);
	free(h.connections);
	if (r < 0 || r2 < 0)
		return r < 0 ? r : r2;
	return h.lost ? -ECONNRESET : 0;
}
