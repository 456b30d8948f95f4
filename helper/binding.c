/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strings of OpenSession, checked, copied, hashed and freed. What they lead to is
 * decided by lookup.c.
 */

#include "binding.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "destination-names.h"
#include "secret.h"
#include "text.h"

#define MEMBERS_MAX 10
#define SERVICE_NAME_MAX 255
/* "name=value" and a NUL. */
#define VARIABLE_SIZE (DESTINATION_VARIABLE_NAME_MAX + DESTINATION_VARIABLE_VALUE_MAX + 2)

/* The places of all strings of a binding. */
static void list(struct binding *b, char **ret[MEMBERS_MAX])
{
	ret[0] = &b->service;
	ret[1] = &b->destination;
	ret[2] = &b->tenant;
	ret[3] = &b->fragment;
	ret[4] = &b->instance;
	ret[5] = &b->level;
	ret[6] = &b->fragment_optional;
	ret[7] = &b->fragment_level;
	ret[8] = &b->chain;
	ret[9] = &b->chain_variables;
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
	return *name && strlen(name) <= SERVICE_NAME_MAX && !text_has_control(name);
}

/* Lines in order, as they are told from others and come back from a saved state. */
static bool are_variables(const char *text)
{
	char line[VARIABLE_SIZE], before[sizeof(line)] = "";
	size_t n;

	if (!text)
		return true;
	if (!*text || strlen(text) > BINDING_VARIABLES_LENGTH_MAX)
		return false;
	for (char *equals; *text; text += n + 1) {
		n = strcspn(text, "\n");
		if (!text[n] || n >= sizeof(line))
			return false;
		*(char *)mempcpy(line, text, n) = '\0';
		equals = strchr(line, '=');
		if (!equals)
			return false;
		*equals = '\0';
		if (!destination_variable_name_is_valid(line) ||
		    !destination_variable_value_is_valid(equals + 1) ||
		    strcmp(before, line) >= 0)
			return false;
		memcpy(before, line, sizeof(before));
	}
	return true;
}

static const char *find_bad_name(const struct binding *b, const char *destination)
{
	const struct {
		const char *what, *name;
	} optional[] = {
	    {"tenant", b->tenant},
	    {"instance", b->instance},
	    {"level", b->level},
	    {"fragment_level", b->fragment_level},
	    {"chain", b->chain},
	};

	if (!is_service_name(b->service))
		return "service";
	if (!config_name_is_valid(destination))
		return "destination";
	for (size_t i = 0; i < ELEMENTSOF(optional); i++)
		if (optional[i].name && !config_name_is_valid(optional[i].name))
			return optional[i].what;
	if (b->fragment && !destination_fragments_are_valid(b->fragment))
		return "fragment";
	if (b->fragment_optional && strcmp(b->fragment_optional, BINDING_OPTIONAL) != 0)
		return "fragment_optional";
	return are_variables(b->chain_variables) ? NULL : "chain_variables";
}

const char *binding_find_bad_name(const struct binding *b)
{
	return find_bad_name(b, b->destination);
}

enum binding_kind binding_kind(const struct binding *b, const char **ret_name)
{
	static const struct {
		const char *prefix;
		enum binding_kind kind;
	} kinds[] = {{BINDING_ASSERTION_PREFIX, BINDING_ASSERTION},
	    {BINDING_INSTANCE_PREFIX, BINDING_INSTANCE}};

	*ret_name = b->destination;
	if (strcmp(b->destination, BINDING_CONNECTIVITY_NAME) == 0)
		return BINDING_CONNECTIVITY;
	for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(b->destination, kinds[i].prefix, n) != 0)
			continue;
		*ret_name += n;
		return kinds[i].kind;
	}
	return BINDING_DESTINATION;
}

bool binding_is_of(const struct binding *b, const char *destination, const char *tenant)
{
	return strcmp(b->destination, destination) == 0 &&
	       (!tenant || (b->tenant && strcmp(b->tenant, tenant) == 0));
}

bool binding_is_well_formed(const struct binding *b)
{
	const char *name;

	if (binding_kind(b, &name) == BINDING_CONNECTIVITY)
		name = "connectivity";
	return !find_bad_name(b, name);
}

/* Lengths keep the parts apart. */
static int add_parts(struct secret *all, const char *const *parts, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = parts[i] ? secret_printf(all, "%zu:%s,", strlen(parts[i]), parts[i])
			     : secret_puts(all, "-,");
	return r;
}

/* Those that few bindings have are told only if there is one of them. */
int binding_owner(const struct binding *b, unsigned char ret[DIGEST_SHA256_SIZE])
{
	const char *const parts[] = {
	    b->tenant, b->instance, b->level, b->destination, b->fragment};
	const char *const more[] = {
	    b->fragment_optional, b->fragment_level, b->chain, b->chain_variables};
	_cleanup_secret_ struct secret all = {0};
	bool has_more = false;
	int r;

	for (size_t i = 0; i < ELEMENTSOF(more); i++)
		has_more = has_more || more[i];
	r = add_parts(&all, parts, ELEMENTSOF(parts));
	if (r == 0 && has_more)
		r = add_parts(&all, more, ELEMENTSOF(more));
	return r < 0 ? r : digest_sha256(all.data, all.len, ret);
}

/* Of the parts of a realm: tenant and instance. */
#define HOLDER_PARTS 2

int binding_realm(const struct binding *b,
    const unsigned char endpoint[DIGEST_SHA256_SIZE],
    unsigned char ret[DIGEST_SHA256_SIZE])
{
	const char *const parts[] = {b->tenant, b->instance, b->level};
	unsigned char holder[DIGEST_SHA256_SIZE];
	_cleanup_secret_ struct secret all = {0};
	int r;

	r = add_parts(&all, parts, HOLDER_PARTS);
	if (r == 0)
		r = digest_sha256(all.data, all.len, holder);
	if (r == 0)
		r = add_parts(
		    &all, parts + HOLDER_PARTS, ELEMENTSOF(parts) - HOLDER_PARTS);
	if (r == 0)
		r = secret_append(&all, endpoint, DIGEST_SHA256_SIZE);
	if (r == 0)
		r = digest_sha256(all.data, all.len, ret);
	if (r == 0)
		memcpy(ret, holder, BINDING_HOLDER_SIZE);
	return r;
}
