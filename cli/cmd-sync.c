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
#include "sync.h"
#include "options.h"
#include "services.h"
#include "terminal.h"
#include "verdicts.h"

/* What is wrong with a resource does not keep the others from being synchronised. */
static void add_resources(struct verdicts *v, const struct services *s)
{
	for (size_t i = 0; i < s->resources.n; i++) {
		const struct resource *r = &s->resources.list[i].resource;
		_cleanup_free_ char *reason = NULL, *place = NULL;

		if (s->resources.list[i].is_skipped || s->resources.list[i].is_copy)
			continue;
		if (asprintf(&place, "%s, line %u", r->file, r->line) < 0)
			place = NULL;
		if (asprintf(&reason, "%s: %s", condition_name(r->verdict.condition),
			r->verdict.message ? r->verdict.message : "") < 0)
			reason = NULL;
		if (r->verdict.condition == CONDITION_SUCCESSFUL)
			verdicts_add(
			    v, "resource", r->name ? r->name : place, VERDICT_OK, NULL);
		else
			verdicts_add(v, "resource", r->name ? r->name : place,
			    VERDICT_ERROR, reason);
	}
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

static int synchronise(
    const struct cli *c, struct services *s, struct verdicts *v, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	int r;

	r = config_open(&config, c->config_dir, ret_why);
	if (r == 0)
		r = services_load(&config, NULL, s);
	if (r == 0)
		r = services_record(&config, s, ret_why); /* needs nobody's answer */
	if (r == 0)
		r = sync_protocols(c, &config, s, v, ret_why);
	if (r < 0)
		return r;
	services_done(s); /* a protocol that is new gives a port that is */
	r = services_load(&config, NULL, s);
	return r < 0 ? r : services_record(&config, s, ret_why);
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
	terminal_progress(c, "reading services");
	r = synchronise(c, &s, &v, &why);
	terminal_progress_end();
	if (r < 0)
		return cli_fail(r, why);
	if (s.warning)
		cli_complain("%s", s.warning);
	add_resources(&v, &s);
	return report(c, &v, is_quiet);
}
