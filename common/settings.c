/* SPDX-License-Identifier: Apache-2.0 */
/* maildest.conf: lines of Key=value, '#' and ';' comments, as in systemd's files. */

#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deadline.h"
#include "dns-name.h"
#include "reason.h"

#define GROUP_NAME_MAX 32
/* A misspelt number must not make a session wait for days. */
#define TIMEOUT_MAX_SEC 600
#define DESTINATION_CONNECT_USEC (5 * USEC_PER_SEC)
#define DESTINATION_READ_USEC (10 * USEC_PER_SEC)
#define NAMESPACE_PREFIX "Namespace."

static const char *const client_login_names[] = {
    [CLIENT_LOGIN_ANY] = "any",
    [CLIENT_LOGIN_PREAUTH] = "preauth",
    [CLIENT_LOGIN_REQUIRED] = "required",
    [CLIENT_LOGIN_NONE] = "none",
};
_Static_assert(ELEMENTSOF(client_login_names) == CLIENT_LOGIN_MAX, "a name for each");

static const char *const tenant_mode_names[] = {
    [TENANT_BY_RESOURCE] = "",
    [TENANT_DEDICATED] = "dedicated",
    [TENANT_SHARED] = "shared",
};
_Static_assert(ELEMENTSOF(tenant_mode_names) == TENANT_MODE_MAX, "a name for each");

static const char *const activation_names[] = {
    [ACTIVATION_ACCEPT] = "accept",
    [ACTIVATION_FORKING] = "forking",
    [ACTIVATION_GROUPED] = "grouped",
};
_Static_assert(ELEMENTSOF(activation_names) == ACTIVATION_MAX, "a name for each");

bool group_name_is_valid(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_",
			  others[] = "abcdefghijklmnopqrstuvwxyz_0123456789-";
	size_t n = strlen(name);

	return n > 0 && n <= GROUP_NAME_MAX && strchr(first, name[0]) &&
	       strspn(name, others) == n;
}

static int find_name(const char *const *names, int n, const char *value)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], value) == 0)
			return i;
	return -EINVAL;
}

static int replace(char **target, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*target);
	*target = copy;
	return 0;
}

int client_login_parse(const char *name, enum client_login *ret)
{
	int i = find_name(client_login_names, CLIENT_LOGIN_MAX, name);

	if (i >= 0)
		*ret = (enum client_login)i;
	return i < 0 ? i : 0;
}

static int set_client_login(struct settings *s, const char *value)
{
	return client_login_parse(value, &s->client_login);
}

static int set_activation(struct settings *s, const char *value)
{
	int i = find_name(activation_names, ACTIVATION_MAX, value);

	if (i >= 0)
		s->activation = (enum activation)i;
	return i < 0 ? i : 0;
}

static int set_clients(struct settings *s, const char *value)
{
	return group_name_is_valid(value) ? replace(&s->clients, value) : -EINVAL;
}

static int set_default_instance(struct settings *s, const char *value)
{
	return config_name_is_valid(value) ? replace(&s->default_instance, value)
					   : -EINVAL;
}

/* Whole seconds, from 1 on. */
static int set_timeout(uint64_t *target, const char *value)
{
	size_t n = strspn(value, "0123456789");
	unsigned seconds = 0;

	if (n == 0 || n > 3 || value[n])
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		seconds = seconds * 10 + (unsigned)(value[i] - '0');
	if (seconds < 1 || seconds > TIMEOUT_MAX_SEC)
		return -EINVAL;
	*target = seconds * USEC_PER_SEC;
	return 0;
}

static int set_destination_connect(struct settings *s, const char *value)
{
	return set_timeout(&s->destination_connect_usec, value);
}

static int set_destination_read(struct settings *s, const char *value)
{
	return set_timeout(&s->destination_read_usec, value);
}

static int set_tenant_mode(struct settings *s, const char *value)
{
	int i = find_name(tenant_mode_names, TENANT_MODE_MAX, value);

	if (i >= 0)
		s->tenant_mode = (enum tenant_mode)i;
	return i < 0 ? i : 0;
}

static int set_token_service_tenant(struct settings *s, const char *value)
{
	return dns_label_is_valid(value, strlen(value))
		   ? replace(&s->token_service_tenant, value)
		   : -EINVAL;
}

static int set_require_sandbox(struct settings *s, const char *value)
{
	static const char *const names[] = {"no", "yes"};
	int i = find_name(names, ELEMENTSOF(names), value);

	if (i >= 0)
		s->require_sandbox = i > 0;
	return i < 0 ? i : 0;
}

static int set_additional_cas(struct settings *s, const char *value)
{
	if (value[0] != '/' && !config_certificate_name_is_valid(value))
		return -EINVAL;
	return replace(&s->additional_cas, value);
}

static const struct {
	const char *key;
	int (*set)(struct settings *s, const char *value);
	const char *expected;
} keys[] = {
    {"Activation", set_activation, "accept, forking or grouped"},
    {"AdditionalCAs", set_additional_cas,
	"an absolute path or the name of a file in certificates/"},
    {"ClientLogin", set_client_login, "any, preauth, required or none"},
    {"Clients", set_clients, "everyone or the name of a group"},
    {"DefaultInstance", set_default_instance, "the name of a file in instances/"},
    {"DestinationServiceConnectTimeoutSec", set_destination_connect, "1 to 600 seconds"},
    {"DestinationServiceReadTimeoutSec", set_destination_read, "1 to 600 seconds"},
    {"RequireSandbox", set_require_sandbox, "yes or no"},
    {"TenantMode", set_tenant_mode, "dedicated or shared"},
    {"TokenServiceTenant", set_token_service_tenant, "a DNS label"},
};

const char *settings_namespace_group(const struct settings *s, const char *name_space)
{
	for (size_t i = 0; i < s->n_groups; i++)
		if (strcmp(s->groups[i].name_space, name_space) == 0)
			return s->groups[i].group;
	return NULL;
}

/* The last one given wins, as with all settings. */
static int set_namespace_group(struct settings *s, const char *name, const char *group)
{
	struct namespace_group *more;

	for (size_t i = 0; i < s->n_groups; i++)
		if (strcmp(s->groups[i].name_space, name) == 0)
			return replace(&s->groups[i].group, group);
	more = reallocarray(s->groups, s->n_groups + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->groups = more;
	more[s->n_groups] = (struct namespace_group){0};
	if (replace(&more[s->n_groups].name_space, name) < 0)
		return -ENOMEM;
	return replace(&more[s->n_groups++].group, group);
}

/* One of the keys with a name of the user's in them: 1 if it is none, 0, or -errno. */
static int parse_namespace(struct settings *s, const char *key, const char *value,
    const char *path, unsigned line, char **ret_why)
{
	const char *name = key + strlen(NAMESPACE_PREFIX);

	if (strncmp(key, NAMESPACE_PREFIX, strlen(NAMESPACE_PREFIX)) != 0)
		return 1;
	if (!dns_label_is_valid(name, strlen(name)))
		return reason_set(ret_why, -EINVAL,
		    "%s: line %u: a DNS label must follow Namespace.", path, line);
	if (!group_name_is_valid(value))
		return reason_set(ret_why, -EINVAL,
		    "%s: line %u: the value must be the name of a group", path, line);
	return set_namespace_group(s, name, value);
}

static char *strip(char *text)
{
	size_t n;

	text += strspn(text, " \t\r");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]))
		text[--n] = '\0';
	return text;
}

static int parse_line(
    struct settings *s, char *text, const char *path, unsigned line, char **ret_why)
{
	char *value;
	int r;

	text = strip(text);
	if (*text == '\0' || *text == '#' || *text == ';')
		return 0;
	value = strchr(text, '=');
	if (!value)
		return reason_set(
		    ret_why, -EINVAL, "%s: line %u: is no Key=value", path, line);
	*value++ = '\0';
	text = strip(text);
	value = strip(value);
	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		if (strcmp(text, keys[i].key) != 0)
			continue;
		r = keys[i].set(s, value);
		if (r != -EINVAL)
			return r;
		return reason_set(ret_why, -EINVAL, "%s: line %u: the value must be %s",
		    path, line, keys[i].expected);
	}
	r = parse_namespace(s, text, value, path, line, ret_why);
	if (r <= 0)
		return r;
	return reason_set(
	    ret_why, -EINVAL, "%s: line %u: there is no such setting", path, line);
}

int settings_load(const struct config *c, struct settings *ret, char **ret_why)
{
	_cleanup_settings_ struct settings s = {
	    .destination_connect_usec = DESTINATION_CONNECT_USEC,
	    .destination_read_usec = DESTINATION_READ_USEC,
	};
	_cleanup_config_file_ struct config_file f = {0};
	unsigned line = 0;
	char *rest;
	int r;

	r = config_read(c, NULL, "maildest", ".conf", CONFIG_FILE_MAX, &f, ret_why);
	if (r == -ENOENT) {
		free(*ret_why);
		*ret_why = NULL;
		*ret = s; /* nothing in it is owned yet */
		return 0;
	}
	if (r < 0)
		return r;
	/* the disk was full, say: what it forbade is not allowed now */
	if (f.text.len == 0)
		return reason_set(ret_why, -EINVAL,
		    "%s: is empty; if nothing is to be set, write a comment or delete it",
		    f.path);
	if (f.text.len != strlen(secret_str(&f.text)))
		return reason_set(
		    ret_why, -EINVAL, "%s: the file has a NUL byte", f.path);
	rest = f.text.data;
	while (rest) {
		char *text = strsep(&rest, "\n");

		r = parse_line(&s, text, f.path, ++line, ret_why);
		if (r < 0)
			return r;
	}
	*ret = s;
	s = (struct settings){0};
	return 0;
}

void settings_done(struct settings *s)
{
	free(s->token_service_tenant);
	free(s->additional_cas);
	free(s->clients);
	free(s->default_instance);
	for (size_t i = 0; i < s->n_groups; i++) {
		free(s->groups[i].name_space);
		free(s->groups[i].group);
	}
	free(s->groups);
	*s = (struct settings){0};
}

int settings_open(
    const char *config_dir, struct config *c, struct settings *ret, char **ret_why)
{
	int r;

	r = config_open(c, config_dir, ret_why);
	return r < 0 ? r : settings_load(c, ret, ret_why);
}
