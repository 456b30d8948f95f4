/* SPDX-License-Identifier: Apache-2.0 */
/* Where secrets come from: the configuration, and the service manager's credentials. */

#include "layers.h"

#include <errno.h>
#include <stdlib.h>

#include "text.h"

int layers_add_private(struct properties *p, const struct config_file *f, char **ret_why)
{
	int r;

	r = config_check_private(f, ret_why);
	if (r < 0)
		return r;
	return properties_add(p, secret_str(&f->text), f->text.len, f->path, ret_why);
}

/* Lays a file on top whose reading had this result: 1 if it is there, 0 if not, or -errno. */
static int add_read(
    struct properties *p, int r, const struct config_file *f, char **why, char **ret_why)
{
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*ret_why = TAKE_PTR(*why);
		return r;
	}
	r = layers_add_private(p, f, ret_why);
	return r < 0 ? r : 1;
}

int layers_add_credential(struct properties *p, const char *name, char **ret_why)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *path = NULL, *why = NULL;
	int r;

	if (!folder || !*folder)
		return 0;
	path = text_format("%s/%s.json", folder, name);
	if (!path)
		return -ENOMEM;
	r = config_read_path(path, CONFIG_FILE_MAX, &f, &why);
	return add_read(p, r, &f, &why, ret_why);
}

/* Lays <folder>/<name>.json on top: 1 if it is there, 0 if not, or -errno. */
static int add_secrets_of(struct properties *p, const struct config *c,
    const char *folder, const char *name, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = config_read(c, folder, name, ".json", CONFIG_FILE_MAX, &f, &why);
	return add_read(p, r, &f, &why, ret_why);
}

/* Of a tenant that has been checked with the destination's file. */
static int add_tenants_secrets(struct properties *p, const struct config *c,
    const struct destination_source *source, char **ret_why)
{
	_cleanup_free_ char *folder = NULL;

	if (!source->tenant)
		return 0;
	folder = text_format("secrets/%s", source->tenant);
	if (!folder)
		return -ENOMEM;
	return add_secrets_of(p, c, folder, source->name, ret_why);
}

/*
 * A tenant's own destination says itself whom its secrets are sent to, so that only the
 * tenant's own count for it: those of the destination of all are not the tenant's to know.
 */
static int add_secrets(struct properties *p, const struct config *c,
    const struct destination_source *source, char **ret_why)
{
	int r;

	r = add_tenants_secrets(p, c, source, ret_why);
	if (p->is_tenants)
		return MIN_OF(r, 0);
	if (r == 0)
		r = layers_add_credential(p, source->name, ret_why);
	if (r == 0)
		r = add_secrets_of(p, c, "secrets", source->name, ret_why);
	return r < 0 ? r : 0;
}

int layers_load_destination(struct properties *p, const struct config *c,
    const struct destination_source *source, char **ret_why)
{
	int r;

	r = destination_load(c, source, p, ret_why);
	return r < 0 ? r : add_secrets(p, c, source, ret_why);
}
