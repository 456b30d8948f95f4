/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a service, each checked as strictly as what units may hold. */

#include "service.h"

#include <errno.h>
#include <string.h>

#include "dns-name.h"
#include "reason.h"

#define GROUP_PREFIX "group:"

static int take_name(struct service *s, char *value)
{
	s->name = value;
	return config_name_is_valid(value) ? 0 : -EINVAL;
}

static int take_tenant(struct service *s, char *value)
{
	s->tenant = value;
	return dns_label_is_valid(value, strlen(value)) ? 0 : -EINVAL;
}

static int take_fragment(struct service *s, char *value)
{
	s->fragment = value;
	return destination_fragments_are_valid(value) ? 0 : -EINVAL;
}

static int take_fragment_optional(struct service *s, _unused_ char *value)
{
	s->fragment_optional = true;
	return 0;
}

static int take_instance(struct service *s, char *value)
{
	s->instance = value;
	return config_name_is_valid(value) ? 0 : -EINVAL;
}

static int take_level(struct service *s, char *value)
{
	s->level = value;
	return destination_level_is_valid(value) ? 0 : -EINVAL;
}

static int take_fragment_level(struct service *s, char *value)
{
	s->fragment_level = value;
	return destination_level_is_valid(value) ? 0 : -EINVAL;
}

static int take_chain(struct service *s, char *value)
{
	s->chain = value;
	return config_name_is_valid(value) ? 0 : -EINVAL;
}

/* "NAME=VALUE" */
static int take_variable(struct service *s, char *value)
{
	char *equals = strchr(value, '=');

	if (!equals || s->n_variables == DESTINATION_VARIABLES_MAX)
		return -EINVAL;
	*equals = '\0';
	if (!destination_variable_name_is_valid(value) ||
	    !destination_variable_value_is_valid(equals + 1))
		return -EINVAL;
	for (size_t i = 0; i < s->n_variables; i++)
		if (strcmp(s->variables[i].name, value) == 0)
			return -EINVAL;
	s->variables[s->n_variables++] = (struct service_variable){value, equals + 1};
	return 0;
}

static int take_clients(struct service *s, char *value)
{
	if (strcmp(value, "everyone") == 0) {
		s->clients = SERVICE_CLIENTS_EVERYONE;
	} else if (strcmp(value, "root") == 0) {
		s->clients = SERVICE_CLIENTS_ROOT;
	} else if (strncmp(value, GROUP_PREFIX, strlen(GROUP_PREFIX)) == 0) {
		s->clients = SERVICE_CLIENTS_GROUP;
		s->group = value + strlen(GROUP_PREFIX);
		return group_name_is_valid(s->group) ? 0 : -EINVAL;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int take_networks(struct service *s, char *value)
{
	_cleanup_free_ char *why = NULL;
	char *text;

	s->n_networks = 0;
	while ((text = strsep(&value, ","))) {
		if (s->n_networks == SERVICE_NETWORKS_MAX)
			return -EINVAL;
		free(why);
		why = NULL;
		if (network_parse(text, &s->networks[s->n_networks++], &why) < 0)
			return -EINVAL;
	}
	return 0;
}

static int take_client_login(struct service *s, char *value)
{
	s->has_client_login = true;
	return client_login_parse(value, &s->client_login);
}

static const struct {
	const char *name;
	bool has_value;
	int (*take)(struct service *s, char *value);
	const char *expected;
} options[] = {
    {"allow", true, take_networks, "networks, as 192.0.2.0/24,2001:db8::/32"},
    {"chain", true, take_chain, "1 to 200 letters, digits, '_' and '-'"},
    {"chain-var", true, take_variable,
	"NAME=VALUE, the name of letters, digits, '_' and '-', the value also with "
	"\"._:/@+,=\", and each name once"},
    {"client-login", true, take_client_login, "any, preauth, required or none"},
    {"clients", true, take_clients, "everyone, root or group:NAME"},
    {"fragment", true, take_fragment,
	"1 to 4 names of letters, digits, '_' and '-', with ',' between them"},
    {"fragment-level", true, take_fragment_level, DESTINATION_LEVELS},
    {"fragment-optional", false, take_fragment_optional, "alone"},
    {"instance", true, take_instance, "1 to 200 letters, digits, '_' and '-'"},
    {"level", true, take_level, DESTINATION_LEVELS},
    {"service", true, take_name, "1 to 200 letters, digits, '_' and '-'"},
    {"tenant", true, take_tenant, "a DNS label"},
};

int service_take_option(
    struct service *s, const char *option, char *value, char **ret_why)
{
	for (size_t i = 0; i < ELEMENTSOF(options); i++) {
		if (strcmp(options[i].name, option) != 0)
			continue;
		if ((value != NULL) == options[i].has_value &&
		    options[i].take(s, value) == 0)
			return 0;
		return reason_set(
		    ret_why, -EINVAL, "--%s must be %s", option, options[i].expected);
	}
	return -ENOENT;
}

int service_check(const struct service *s, char **ret_why)
{
	const char *missing = NULL;

	if (!s->fragment && (s->fragment_optional || s->fragment_level))
		missing = "--fragment-optional and --fragment-level need --fragment";
	else if (s->n_variables > 0 && !s->chain)
		missing = "--chain-var needs --chain";
	else if (s->fragment_optional && strchr(s->fragment, ','))
		missing = "--fragment-optional goes with one fragment alone";
	return missing ? reason_set(ret_why, -EINVAL, "%s", missing) : 0;
}
