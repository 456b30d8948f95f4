/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest sync: what a generator, which has no network, cannot find out by itself. Valid
 * resources are copied to .state/; of destinations in a Destination service the protocol
 * is noted, as it decides the port. It opens and closes no port: maildest apply does.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "deadline.h"
#include "identity.h"
#include "options.h"
#include "services.h"
#include "stamp.h"
#include "state-lock.h"
#include "sync.h"
#include "terminal.h"
#include "text.h"
#include "unapplied.h"
#include "verdicts.h"

#define BUDGET_USEC (60 * USEC_PER_SEC)	  /* after it, nothing more is asked */
#define PATIENCE_USEC (90 * USEC_PER_SEC) /* for another one, which has its budget */
#define ROUNDS_MAX 5

/* What is wrong with a resource does not keep the others from being synchronised. */
static void add_resources(struct verdicts *v, const struct services *s)
{
	for (size_t i = 0; i < s->resources.n; i++) {
		const struct resource *r = &s->resources.list[i].resource;
		_cleanup_free_ char *reason = NULL, *place = NULL;

		if (s->resources.list[i].is_skipped || s->resources.list[i].is_copy)
			continue;
		place = text_format("%s, line %u", r->file, r->line);
		reason = text_format("%s: %s", condition_name(r->verdict.condition),
		    r->verdict.message ? r->verdict.message : "");
		if (r->verdict.condition == CONDITION_SUCCESSFUL)
			verdicts_add(
			    v, "resource", r->name ? r->name : place, VERDICT_OK, NULL);
		else
			verdicts_add(v, "resource", r->name ? r->name : place,
			    VERDICT_ERROR, reason);
	}
}

/* Nobody may have meant to apply it yet, so it is no error; but it is said each time. */
static void add_unapplied(const struct cli *c, struct services *s, struct verdicts *v)
{
	_cleanup_free_ char *what = NULL;

	if (unapplied_find(c, s, &what) < 0 || !what)
		return; /* status says why nothing can be found */
	verdicts_add(v, "sockets", "maildest apply", VERDICT_WARNING, what);
	if (!c->json)
		cli_complain("%s: maildest apply", what);
}

static int report(const struct cli *c, const struct verdicts *v, bool is_quiet)
{
	if (is_quiet && v->n_errors == 0 && !c->json)
		return CLI_OK;
	if (v->table.n_rows == 0 && !c->json) {
		if (!is_quiet)
			puts("There are no resources.");
		return CLI_OK;
	}
	return verdicts_report(v, c);
}

/* What is there, read and recorded while nobody else does. */
static int record(const struct config *config, struct services *s, char **ret_why)
{
	_cleanup_state_lock_ int lock = -1;
	int r;

	services_done(s);
	lock = state_lock_take(
	    config, STATE_LOCK_TABLES, deadline_in(PATIENCE_USEC), ret_why);
	if (lock < 0)
		return lock;
	r = services_load(config, NULL, s);
	return r < 0 ? r : services_record(config, s, ret_why);
}

static int synchronise(const struct cli *c, const struct config *config,
    uint64_t deadline, struct services *s, struct verdicts *v, char **ret_why)
{
	int r;

	r = record(config, s, ret_why); /* needs nobody's answer */
	if (r == 0)
		r = sync_protocols(c, config, s, deadline, v, ret_why);
	/* a protocol that is new gives a port that is */
	return r < 0 ? r : record(config, s, ret_why);
}

/*
 * Until nobody has edited anything meanwhile, as systemd does not watch while this runs;
 * whoever edits without end is left to the timer.
 */
static int settle(const struct cli *c, const struct config *config, struct services *s,
    struct verdicts *v, char **ret_why)
{
	uint64_t deadline = deadline_in(BUDGET_USEC);
	struct stamp before, after;
	int r;

	r = stamp_take(config, &before);
	for (unsigned round = 0; r == 0 && round < ROUNDS_MAX; round++) {
		verdicts_begin_anew(v);
		r = synchronise(c, config, deadline, s, v, ret_why);
		if (r == 0)
			r = stamp_take(config, &after);
		if (r < 0 || strcmp(before.digest, after.digest) == 0)
			return r;
		before = after;
	}
	return r;
}

/* One at a time, so that two do not forget what the other was told. */
static int run(
    const struct cli *c, struct services *s, struct verdicts *v, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_state_lock_ int lock = -1;
	int r;

	r = identity_open_config(c, &config, ret_why);
	if (r < 0)
		return r;
	terminal_progress(c, "waiting for another maildest sync");
	lock = state_lock_take(
	    &config, STATE_LOCK_SYNC, deadline_in(PATIENCE_USEC), ret_why);
	if (lock < 0)
		return lock;
	terminal_progress(c, "reading services");
	return settle(c, &config, s, v, ret_why);
}

int cmd_sync(struct cli *c, int argc, char **argv)
{
	_cleanup_services_ struct services s = {0};
	_cleanup_verdicts_ struct verdicts v;
	_cleanup_free_ char *why = NULL;
	bool is_quiet = false;
	const struct cli_option own[] = {{"quiet", &is_quiet, NULL}};
	char **words;
	int r;

	verdicts_begin(&v, NULL);
	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 0, 0, &words))
		return CLI_USAGE;
	v.leaves_out_ok = is_quiet && !c->json;
	r = run(c, &s, &v, &why);
	terminal_progress_end();
	if (r < 0)
		return cli_fail(r, why);
	if (s.warning)
		verdicts_add(&v, "settings", "maildest.conf", VERDICT_ERROR, s.warning);
	add_resources(&v, &s);
	add_unapplied(c, &s, &v);
	return report(c, &v, is_quiet);
}
