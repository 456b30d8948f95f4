/* SPDX-License-Identifier: Apache-2.0 */
/* maildest.conf: lines of Key=value, '#' and ';' comments, as in systemd's files. */

#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns-name.h"
#include "reason.h"

static const char *const client_login_names[] = {
    [CLIENT_LOGIN_ANY] = "any",
    [CLIENT_LOGIN_PREAUTH] = "preauth",
    [CLIENT_LOGIN_NONE] = "none",
};
_Static_assert(ELEMENTSOF(client_login_names) == CLIENT_LOGIN_MAX, "a name for each");

static const char *const tenant_mode_names[] = {
    [TENANT_DEDICATED] = "dedicated",
    [TENANT_SHARED] = "shared",
};
_Static_assert(ELEMENTSOF(tenant_mode_names) == TENANT_MODE_MAX, "a name for each");

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

static int set_client_login(struct settings *s, const char *value)
{
	int i = find_name(client_login_names, CLIENT_LOGIN_MAX, value);

	if (i >= 0)
		s->client_login = (enum client_login)i;
	return i < 0 ? i : 0;
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
    {"AdditionalCAs", set_additional_cas,
	"an absolute path or the name of a file in certificates/"},
    {"ClientLogin", set_client_login, "any, preauth or none"},
    {"TenantMode", set_tenant_mode, "dedicated or shared"},
    {"TokenServiceTenant", set_token_service_tenant, "a DNS label"},
};

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
		int r;

		if (strcmp(text, keys[i].key) != 0)
			continue;
		r = keys[i].set(s, value);
		if (r != -EINVAL)
			return r;
		return reason_set(ret_why, -EINVAL, "%s: line %u: the value must be %s",
		    path, line, keys[i].expected);
	}
	return reason_set(
	    ret_why, -EINVAL, "%s: line %u: there is no such setting", path, line);
}

int settings_load(const struct config *c, struct settings *ret, char **ret_why)
{
	_cleanup_settings_ struct settings s = {0};
	_cleanup_config_file_ struct config_file f = {0};
	unsigned line = 0;
	char *rest;
	int r;

	r = config_read(c, NULL, "maildest", ".conf", CONFIG_FILE_MAX, &f, ret_why);
	if (r == -ENOENT) {
		free(*ret_why);
		*ret_why = NULL;
		*ret = s;
		return 0;
	}
	if (r < 0)
		return r;
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
	*s = (struct settings){0};
}
