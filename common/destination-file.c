/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files make a destination: the tenant's own or everybody's, with fragments on top;
 * and that one with secrets is read only if it is kept well.
 */

#include "destination.h"

#include <errno.h>
#include <string.h>

#include "destination-names.h"
#include "dns-name.h"
#include "reason.h"
#include "text.h"

/* Whether any of the file's keys is a secret, whatever the type of authentication. */
static bool has_secrets(const struct properties *p)
{
	static const char *const names[] = {"KeyStorePassword", "TrustStorePassword",
	    "clientSecret", "mail.password", "tokenService.KeyStorePassword",
	    "tokenServicePassword"};
	static const char *const prefixes[] = {
	    "tokenService.body.", "tokenServiceURL.headers.", "tokenServiceURL.queries."};
	const char *key, *name;
	struct json_value ignored;
	int position = 0;

	if (p->has_tokens)
		return true;
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (properties_find(p, names[i], &ignored, NULL))
			return true;
	while (properties_next(p, "mail.", &position, &key, &name))
		if (strlen(name) > 9 && strcmp(name + strlen(name) - 9, ".password") == 0)
			return true;
	for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
		position = 0;
		if (properties_next(p, prefixes[i], &position, &key, &name))
			return true;
	}
	return false;
}

/* Lays a file on top, if it may hold what it holds. */
static int add_file(struct properties *p, const struct config_file *f, char **ret_why)
{
	struct properties top = {.n = 1};
	bool had_tokens = p->has_tokens;
	int r;

	p->has_tokens = false;
	r = properties_add(
	    p, f->text.data ? f->text.data : "", f->text.len, f->path, ret_why);
	top.has_tokens = p->has_tokens;
	p->has_tokens |= had_tokens;
	if (r < 0)
		return r;
	top.layers[0] = p->layers[p->n - 1]; /* borrowed */
	return has_secrets(&top) ? config_check_private(f, ret_why) : 0;
}

static int read_json(const struct config *c, const char *folder, const char *name,
    struct config_file *ret, char **ret_why)
{
	return config_read(c, folder, name, ".json", CONFIG_FILE_MAX, ret, ret_why);
}

/* The tenant's own file: 1 with *ret, 0 if it has none, or -errno. */
static int read_own(const struct config *c, const struct destination_source *source,
    struct config_file *ret, char **ret_why)
{
	_cleanup_free_ char *folder = NULL, *why = NULL;
	int r;

	if (!source->tenant)
		return 0;
	if (!dns_label_is_valid(source->tenant, strlen(source->tenant)))
		return reason_set(ret_why, -EINVAL, "the tenant must be a DNS label");
	folder = text_format("destinations/%s", source->tenant);
	if (!folder)
		return -ENOMEM;
	r = read_json(c, folder, source->name, ret, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*ret_why = TAKE_PTR(why);
	return r < 0 ? r : 1;
}

/* What only a destination can say of itself. */
static int check_fragment(const struct properties *p, char **ret_why)
{
	static const char *const refused[] = {"Name", "Type"};
	struct json_value ignored;

	for (size_t i = 0; i < ELEMENTSOF(refused); i++)
		if (json_find(p->layers[p->n - 1].object, refused[i], &ignored))
			return properties_complain(
			    p, refused[i], ret_why, "may not stand in a fragment");
	return 0;
}

static int add_fragment(const struct config *c, const char *name, bool optional,
    struct properties *p, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = read_json(c, "fragments", name, &f, &why);
	if (r == -ENOENT && optional)
		return 0;
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	r = add_file(p, &f, ret_why);
	return r < 0 ? r : check_fragment(p, ret_why);
}

static int add_fragments(const struct config *c, const struct destination_source *source,
    struct properties *p, char **ret_why)
{
	_cleanup_free_ char *names = NULL;
	char *rest, *name;
	int r = 0;

	if (!source->fragment)
		return 0;
	if (!destination_fragments_are_valid(source->fragment))
		return reason_set(ret_why, -EINVAL,
		    "a fragment's name must be 1 to 200 letters, digits, '_' and '-', "
		    "and there may be 4 of them");
	rest = names = strdup(source->fragment);
	if (!names)
		return -ENOMEM;
	while (r == 0 && (name = strsep(&rest, ",")))
		r = add_fragment(c, name, source->fragment_optional, p, ret_why);
	return r;
}

int destination_load(const struct config *c, const struct destination_source *source,
    struct properties *p, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	int r;

	if (!config_name_is_valid(source->name))
		return reason_set(ret_why, -EINVAL,
		    "the destination's name must be 1 to 200 letters, "
		    "digits, '_' and '-'");
	r = read_own(c, source, &f, ret_why);
	p->is_tenants = r > 0;
	if (r == 0)
		r = read_json(c, "destinations", source->name, &f, ret_why);
	if (r < 0)
		return r;
	r = add_file(p, &f, ret_why);
	return r < 0 ? r : add_fragments(c, source, p, ret_why);
}
