/* SPDX-License-Identifier: Apache-2.0 */
#include "apply-files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SOCKET ".socket"

/* Appends a drop-in, if it is there: 1, 0 or -ENOMEM. */
static int add_file(struct secret *text, const char *unit)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *path = NULL, *why = NULL;
	int r;

	if (asprintf(&path, APPLY_GENERATED "/%s.d/service.conf", unit) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = config_read_path(path, CONFIG_CERTIFICATE_MAX, &f, &why);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = secret_append(text, secret_str(&f.text), f.text.len);
	return r < 0 ? r : 1;
}

/* A forking service has to be restarted with its socket if its arguments change. */
static int add_service(struct secret *text, const char *unit)
{
	_cleanup_free_ char *service = NULL;
	size_t n = strlen(unit) - strlen(SOCKET);
	int r;

	if (asprintf(&service, "%.*s.service", (int)n, unit) < 0) {
		service = NULL;
		return -ENOMEM;
	}
	r = add_file(text, service);
	return r < 0 ? r : 0;
}

static int add_unit(struct state_table *t, const char *unit)
{
	_cleanup_secret_ struct secret text = {0};
	char digest[DIGEST_SHA256_HEX_SIZE];
	size_t n = strlen(unit), suffix = strlen(SOCKET);
	int r;

	if (n <= suffix || strcmp(unit + n - suffix, SOCKET) != 0)
		return 0;
	r = add_file(&text, unit);
	if (r <= 0)
		return r;
	r = add_service(&text, unit);
	if (r == 0)
		r = digest_sha256_hex(text.data, text.len, digest);
	return r < 0 ? r : state_table_set(t, unit, digest);
}

int apply_files_read(const struct manager_units *units, struct state_table *ret)
{
	_cleanup_state_table_ struct state_table t = {0};
	int r = 0;

	for (size_t i = 0; i < units->n && r == 0; i++)
		r = add_unit(&t, units->list[i].name);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct state_table){0};
	return 0;
}
