/* SPDX-License-Identifier: Apache-2.0 */
/* The users of services that require a login, as the helper reads them. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "checks.h"
#include "clients.h"
#include "names.h"
#include "rights.h"
#include "services.h"
#include "text.h"

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

static bool needs_login(const struct service_unit *s, const struct settings *settings)
{
	const char *own = s->resource->client_login;

	return own ? strcmp(own, "required") == 0
		   : settings->client_login == CLIENT_LOGIN_REQUIRED;
}

/* Services that ask for a password that nobody has. */
void check_missing_clients(struct check *k, const struct services *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct service_unit *one = &s->list[i];
		_cleanup_free_ char *path = NULL;

		if (!one->is_served || !needs_login(one, &s->settings) ||
		    !verdicts_want(&k->verdicts, one->name))
			continue;
		path = text_format("clients/%s", one->name);
		if (!path)
			return; /* the table has no room either and says so */
		if (faccessat(k->config.fd, path, F_OK, 0) < 0 && errno == ENOENT)
			verdicts_add(&k->verdicts, "clients", one->name, VERDICT_ERROR,
			    "a login is required, and there is no such file of those "
			    "who may");
	}
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
