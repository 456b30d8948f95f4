/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of this host: of no meaning where another's configuration is looked at. */

#include <errno.h>

#include "checks.h"
#include "identity.h"
#include "installed.h"
#include "manager.h"
#include "ports.h"

/* Adds who else has one of them. */
static void add_conflicts(
    struct check *k, const struct ports_wanted *wanted, struct manager *m)
{
	_cleanup_port_conflicts_ struct port_conflicts p = {0};
	_cleanup_free_ char *why = NULL;

	if (ports_find_conflicts(wanted, m, &p, &why) < 0) {
		verdicts_add(&k->verdicts, "port", "all", VERDICT_WARNING, why);
		return;
	}
	for (size_t i = 0; i < p.n; i++)
		if (verdicts_want(&k->verdicts, p.list[i].service))
			verdicts_add(&k->verdicts, "port", p.list[i].service,
			    VERDICT_ERROR, p.list[i].other);
}

static void check_installed(struct check *k, struct manager *m)
{
	_cleanup_installed_ struct installed all = {0};
	_cleanup_ports_wanted_ struct ports_wanted wanted = {0};
	int r = installed_read(m, &all);

	if (r == 0)
		r = ports_of_installed(&all, &wanted);
	if (r < 0)
		verdicts_add_result(&k->verdicts, "port", "all", r, NULL);
	else
		add_conflicts(k, &wanted, m);
}

void check_ports(struct check *k, const struct services *s)
{
	_cleanup_manager_ struct manager m = {0};
	_cleanup_ports_wanted_ struct ports_wanted wanted = {0};
	_cleanup_free_ char *ignored = NULL;
	bool has_manager;

	if (!identity_is_systems(k->cli))
		return;
	has_manager = manager_open(&m, &ignored) == 0;
	if (ports_of_services(s, &wanted) < 0)
		verdicts_add_result(&k->verdicts, "port", "all", -ENOMEM, NULL);
	else
		add_conflicts(k, &wanted, has_manager ? &m : NULL);
	if (has_manager)
		check_installed(k, &m);
}
