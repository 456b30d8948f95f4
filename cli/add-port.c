/* SPDX-License-Identifier: Apache-2.0 */
#include "add-port.h"

#include <errno.h>

#include "apply.h"

static int complain(int error, const char *why)
{
	if (error != -ENOTCONN)
		return cli_fail(error, why);
	cli_complain("the port was not opened: %s", why);
	return CLI_FAILED;
}

static int withdraw(const struct cli *c, const struct install *resource, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	int r = config_open(&config, c->config_dir, ret_why);

	return r < 0 ? r : install_remove(&config, resource, ret_why);
}

/* Where it listens is known only once the resource is there. */
int add_port_check(const struct cli *c, const char *service,
    const struct install *resource, bool *ret_is_withdrawn)
{
	_cleanup_free_ char *conflicts = NULL, *why = NULL;
	int r = apply_find_conflict(c, service, &conflicts, &why);

	if (r < 0)
		return complain(r, why);
	if (!conflicts)
		return CLI_OK;
	apply_complain(
	    "the port was not opened, as others have it too (--force does it all "
	    "the same)",
	    conflicts);
	if (resource->state != INSTALL_NEW)
		return CLI_CONFIGURATION;
	r = withdraw(c, resource, &why);
	if (r < 0)
		return cli_fail(r, why);
	*ret_is_withdrawn = true;
	return CLI_CONFIGURATION;
}

int add_port_open(const struct cli *c, bool force)
{
	_cleanup_apply_ struct apply result = {0};
	_cleanup_free_ char *why = NULL;
	int r = apply_run(c, false, force, &result, &why);

	if (r < 0)
		return complain(r, why);
	return c->json ? apply_status(&result) : apply_report(c, &result, false);
}
