/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The six strings of OpenSession, checked, copied, hashed and freed. What they lead to is
 * decided by lookup.c.
 */

#include "binding.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "secret.h"

#define MEMBERS_MAX 6
#define SERVICE_NAME_MAX 255

/* The places of all strings of a binding. */
static void list(struct binding *b, char **ret[MEMBERS_MAX])
{
	ret[0] = &b->service;
	ret[1] = &b->destination;
	ret[2] = &b->tenant;
	ret[3] = &b->fragment;
	ret[4] = &b->instance;
	ret[5] = &b->level;
}
_Static_assert(
    sizeof(struct binding) == MEMBERS_MAX * sizeof(char *), "a place for each");

void binding_done(struct binding *b)
{
	char **places[MEMBERS_MAX];

	list(b, places);
	for (size_t i = 0; i < MEMBERS_MAX; i++)
		free(*places[i]);
	*b = (struct binding){0};
}

int binding_copy(const struct binding *b, struct binding *ret)
{
	_cleanup_binding_ struct binding copy = {0};
	struct binding source = *b;
	char **from[MEMBERS_MAX], **to[MEMBERS_MAX];

	list(&source, from);
	list(&copy, to);
	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		if (!*from[i])
			continue;
		*to[i] = strdup(*from[i]);
		if (!*to[i])
			return -ENOMEM;
	}
	*ret = copy;
	copy = (struct binding){0};
	return 0;
}

static bool is_service_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return n >= 1 && n <= SERVICE_NAME_MAX;
}

static const char *find_bad_name(const struct binding *b, const char *destination)
{
	const struct {
		const char *what, *name;
	} optional[] = {
	    {"tenant", b->tenant},
	    {"fragment", b->fragment},
	    {"instance", b->instance},
	    {"level", b->level},
	};

	if (!is_service_name(b->service))
		return "service";
	if (!config_name_is_valid(destination))
		return "destination";
	for (size_t i = 0; i < ELEMENTSOF(optional); i++)
		if (optional[i].name && !config_name_is_valid(optional[i].name))
			return optional[i].what;
	return NULL;
}

const char *binding_find_bad_name(const struct binding *b)
{
	return find_bad_name(b, b->destination);
}

enum binding_kind binding_kind(const struct binding *b, const char **ret_name)
{
	size_t n = strlen(BINDING_ASSERTION_PREFIX);

	*ret_name = b->destination;
	if (strcmp(b->destination, BINDING_CONNECTIVITY_NAME) == 0)
		return BINDING_CONNECTIVITY;
	if (strncmp(b->destination, BINDING_ASSERTION_PREFIX, n) != 0)
		return BINDING_DESTINATION;
	*ret_name += n;
	return BINDING_ASSERTION;
}

bool binding_is_well_formed(const struct binding *b)
{
	const char *name;

	if (binding_kind(b, &name) == BINDING_CONNECTIVITY)
		name = "connectivity";
	return !find_bad_name(b, name);
}

/* Lengths keep the parts apart. */
int binding_owner(const struct binding *b, unsigned char ret[DIGEST_SHA256_SIZE])
{
	const char *const parts[] = {
	    b->tenant, b->instance, b->level, b->destination, b->fragment};
	_cleanup_secret_ struct secret all = {0};
	int r;

	for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
		r = parts[i] ? secret_printf(&all, "%zu:%s,", strlen(parts[i]), parts[i])
			     : secret_puts(&all, "-,");
		if (r < 0)
			return r;
	}
	return digest_sha256(all.data, all.len, ret);
}
