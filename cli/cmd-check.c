/* SPDX-License-Identifier: Apache-2.0 */
/* maildest check: files only, each by the code that reads it in service. */

#include "checks.h"
#include "identity.h"
#include "options.h"

static void check_done(struct check *k)
{
	config_done(&k->config);
	verdicts_done(&k->verdicts);
}

int cmd_check(struct cli *c, int argc, char **argv)
{
	_cleanup_(check_done) struct check k = {.cli = c, .config = CONFIG_INIT};
	_cleanup_free_ char *why = NULL;
	char **words;
	int r;

	if (!cli_options(c, NULL, 0, argc, argv, 0, 1, &words))
		return CLI_USAGE;
	r = identity_open_config(c, &k.config, &why);
	if (r < 0)
		return cli_fail(r, why);
	verdicts_begin(&k.verdicts, words[0]);
	check_settings(&k);
	check_destinations(&k);
	check_fragments(&k);
	check_connectivity(&k);
	check_instances(&k);
	check_clients(&k);
	check_services(&k);
	return verdicts_report(&k.verdicts, c);
}
