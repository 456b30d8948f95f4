/* SPDX-License-Identifier: Apache-2.0 */
#include "add-advice.h"

#include <string.h>

#include "services.h"
#include "text.h"

static enum client_login find_login(
    const struct service_unit *s, const struct settings *settings)
{
	enum client_login login = settings->client_login;

	if (s->resource->client_login &&
	    client_login_parse(s->resource->client_login, &login) < 0)
		return settings
		    ->client_login; /* cannot be: it was checked when it was read */
	return login;
}

static const char *describe_login(enum client_login login, bool wants_grant)
{
	if (wants_grant)
		return "XOAUTH2 or OAUTHBEARER with the user's refresh token or code";
	switch (login) {
	case CLIENT_LOGIN_REQUIRED:
		return "a user and password of clients/";
	case CLIENT_LOGIN_NONE:
		return "no login";
	case CLIENT_LOGIN_ANY:
	case CLIENT_LOGIN_PREAUTH:
	case CLIENT_LOGIN_MAX:
		break;
	}
	return "any user and password, or none";
}

static char *describe(
    const struct service_unit *s, enum client_login login, bool wants_grant)
{
	bool is_file = login == CLIENT_LOGIN_REQUIRED && !wants_grant;
	char address[NETWORK_TEXT_MAX];

	address_format(&s->endpoint.address, address);
	return text_format("Application: host %s, port %u, no TLS, %s%s.\n", address,
	    (unsigned)s->endpoint.port, describe_login(login, wants_grant),
	    is_file ? s->name : "");
}

static char *add_access(const struct service_unit *s, const char *first)
{
	if (s->access == ACCESS_GROUP)
		return text_format(
		    "%sIt runs as root, or as a user of group %s: usermod -aG %s USER.\n",
		    first, s->group, s->group);
	if (s->access == ACCESS_ROOT)
		return text_format(
		    "%sIt runs as root; `maildest list` says why.\n", first);
	return text_format("%sIt may run as any user of this host.\n", first);
}

char *add_advice(const struct cli *c, const char *service, bool wants_grant)
{
	_cleanup_services_ struct services s = {0};
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_free_ char *why = NULL, *first = NULL;
	const struct service_unit *one;

	if (config_open(&config, c->config_dir, &why) < 0 ||
	    services_load(&config, NULL, &s) < 0 || !(one = services_find(&s, service)))
		return NULL;
	first = describe(one, find_login(one, &s.settings), wants_grant);
	return first ? add_access(one, first) : NULL;
}
