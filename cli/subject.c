/* SPDX-License-Identifier: Apache-2.0 */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "identity.h"
#include "reason.h"
#include "services.h"
#include "text.h"

void subject_done(struct subject *s)
{
	free(s->service);
	free(s->destination);
	free(s->tenant);
	for (size_t i = 0; i < s->n_arguments; i++)
		free(s->arguments[i]);
	free(s->arguments);
	*s = (struct subject){0};
}

static int copy(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int copy_arguments(const struct service_unit *service, struct subject *ret)
{
	ret->arguments = calloc(service->n_arguments + 1, sizeof(*ret->arguments));
	if (!ret->arguments)
		return -ENOMEM;
	for (size_t i = 0; i < service->n_arguments; i++) {
		ret->arguments[i] = strdup(service->arguments[i]);
		if (!ret->arguments[i])
			return -ENOMEM;
		ret->n_arguments++;
	}
	return 0;
}

static bool is_meant(const struct service_unit *s, const char *name, const char *tenant)
{
	if (tenant && (!s->tenant || strcmp(s->tenant, tenant) != 0))
		return false;
	if (strcmp(s->name, name) == 0 || strcmp(s->host, name) == 0)
		return true;
	return tenant && s->resource->name && strcmp(s->resource->name, name) == 0;
}

static int fill(const struct service_unit *service, struct subject *ret)
{
	int r;

	r = copy(service->name, &ret->service);
	if (r == 0)
		r = copy(service->resource->destination, &ret->destination);
	if (r == 0)
		r = copy(service->tenant, &ret->tenant);
	return r < 0 ? r : copy_arguments(service, ret);
}

static bool is_missing(const struct config *c, const char *tenant, const char *name)
{
	_cleanup_free_ char *path = NULL;

	path = text_format(
	    "destinations/%s%s%s.json", tenant ? tenant : "", tenant ? "/" : "", name);
	if (!path)
		return false;
	return faccessat(c->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* By the order in which a session looks for its file. */
static bool is_nowhere(const struct config *c, const struct subject *s)
{
	return is_missing(c, NULL, s->destination) &&
	       (!s->tenant || is_missing(c, s->tenant, s->destination));
}

int subject_find(const struct cli *c, const char *name, const char *tenant,
    struct subject *ret, char **ret_why)
{
	_cleanup_services_ struct services services = {0};
	_cleanup_config_ struct config config = CONFIG_INIT;
	int r;

	r = identity_open_config(c, &config, ret_why);
	if (r == 0)
		r = services_load(&config, NULL, &services);
	if (r < 0)
		return r;
	for (size_t i = 0; i < services.n; i++)
		if (services.list[i].resource->destination &&
		    is_meant(&services.list[i], name, tenant))
			return fill(&services.list[i], ret);
	if (!config_name_is_valid(name))
		return reason_set(
		    ret_why, -ENOENT, "a name is 1 to 200 letters, digits, '_' and '-'");
	r = copy(name, &ret->destination);
	if (r == 0)
		r = copy(tenant, &ret->tenant);
	/* with wrong settings, nobody knows what else there is */
	ret->is_nowhere = r == 0 && !services.warning && is_nowhere(&config, ret);
	return r;
}
