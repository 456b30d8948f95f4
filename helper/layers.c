/* SPDX-License-Identifier: Apache-2.0 */
/* Where secrets come from: the configuration, and the service manager's credentials. */

#include "layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "destination.h"

int layers_add_private(struct properties *p, const struct config_file *f, char **ret_why)
{
	int r;

	r = config_check_private(f, ret_why);
	if (r < 0)
		return r;
	return properties_add(p, secret_str(&f->text), f->text.len, f->path, ret_why);
}

int layers_add_credential(struct properties *p, const char *name, char **ret_why)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *path = NULL, *why = NULL;
	int r;

	if (!folder || !*folder)
		return 0;
	if (asprintf(&path, "%s/%s.json", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = config_read_path(path, CONFIG_FILE_MAX, &f, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	r = layers_add_private(p, &f, ret_why);
	return r < 0 ? r : 1;
}

/* Lays the secrets over: the service manager's credential if there is one, else secrets/. */
static int add_secrets(
    struct properties *p, const struct config *c, const char *name, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = layers_add_credential(p, name, ret_why);
	if (r != 0)
		return r < 0 ? r : 0;
	r = config_read(c, "secrets", name, ".json", CONFIG_FILE_MAX, &f, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	return layers_add_private(p, &f, ret_why);
}

int layers_load_destination(
    struct properties *p, const struct config *c, const char *name, char **ret_why)
{
	int r;

	r = destination_load(c, name, p, ret_why);
	return r < 0 ? r : add_secrets(p, c, name, ret_why);
}
