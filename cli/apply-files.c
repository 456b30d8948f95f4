/* SPDX-License-Identifier: Apache-2.0 */
#include "apply-files.h"

#include <errno.h>
#include <string.h>

#include "kept-units.h"
#include "text.h"
#include "unit-files.h"

#define SOCKET ".socket"
#define LIST ".services"

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

int apply_files_foresee(struct services *s, struct state_table *ret)
{
	_cleanup_state_table_ struct state_table t = {0};
	const struct unit_folder folder = {
	    .fd = -1, .path = KEPT_UNITS_OUTPUT, .texts = &t};
	int r = units_write(&folder, s);

	if (r < 0)
		return r;
	*ret = t;
	t = (struct state_table){0};
	return 0;
}

static int read_text(struct state_table *t, const char *name)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *path = NULL, *why = NULL;
	int r;

	path = text_format(KEPT_UNITS_OUTPUT "/%s%s", name,
	    ends_in(name, LIST) ? "" : ".d/service.conf");
	if (!path)
		return -ENOMEM;
	r = config_read_path(path, CONFIG_CERTIFICATE_MAX, &f, &why);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return state_table_set(t, name, secret_str(&f.text));
}

int apply_files_read(const struct state_table *like, struct state_table *ret)
{
	_cleanup_state_table_ struct state_table t = {0};
	int r = 0;

	for (size_t i = 0; i < like->n && r == 0; i++)
		r = read_text(&t, like->rows[i].name);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct state_table){0};
	return 0;
}

static int add_digest(struct state_table *t, const struct state_table *texts,
    const struct state_row *socket)
{
	_cleanup_free_ char *service = NULL, *both = NULL;
	char digest[DIGEST_SHA256_HEX_SIZE];
	const char *text;
	int r;

	service = text_format(
	    "%.*s.service", (int)(strlen(socket->name) - strlen(SOCKET)), socket->name);
	if (!service)
		return -ENOMEM;
	text = state_table_find(texts, service);
	both = text_format("%s%s", socket->value, text ? text : "");
	if (!both)
		return -ENOMEM;
	r = digest_sha256_hex(both, strlen(both), digest);
	return r < 0 ? r : state_table_set(t, socket->name, digest);
}

int apply_files_digests(const struct state_table *texts, struct state_table *ret)
{
	_cleanup_state_table_ struct state_table t = {0};
	int r = 0;

	for (size_t i = 0; i < texts->n && r == 0; i++)
		if (ends_in(texts->rows[i].name, SOCKET))
			r = add_digest(&t, texts, &texts->rows[i]);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct state_table){0};
	return 0;
}
