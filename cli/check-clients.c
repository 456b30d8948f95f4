/* SPDX-License-Identifier: Apache-2.0 */
/* The users of services that require a login, as the helper reads them. */

#include <errno.h>

#include "checks.h"
#include "clients.h"
#include "names.h"
#include "rights.h"

static void check_file(struct check *k, const char *service)
{
	_cleanup_free_ char *why = NULL;
	bool accepted;
	int r;

	/* whoever that is: every line is read */
	r = clients_check(k->cli->config_dir, service, "user", "", &accepted, &why);
	if (r == 0)
		r = rights_check(
		    k->cli, &k->config, RIGHTS_HELPER, "clients", service, &why);
	verdicts_add_result(&k->verdicts, "clients", service, r, why);
}

void check_clients(struct check *k)
{
	_cleanup_names_ struct names names = {0};
	_cleanup_free_ char *why = NULL;
	int r = names_read(&k->config, "clients", &names, &why);

	if (r < 0)
		verdicts_add_result(&k->verdicts, "clients", "clients", r, why);
	for (size_t i = 0; i < names.n; i++)
		if (verdicts_want(&k->verdicts, names.list[i].text))
			check_file(k, names.list[i].text);
}
