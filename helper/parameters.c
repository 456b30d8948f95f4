/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of varlink calls. What their values may be is the method's to check. */

#include "parameters.h"

#include <string.h>

#include "digest.h"

static bool read_one(struct json_value v, const struct parameter *p, void *target)
{
	char *place = (char *)target + p->offset;
	const char *text;

	if (json_type(v) == JSON_NULL)
		return !p->required;
	switch (p->type) {
	case PARAMETER_BOOLEAN:
		return json_boolean(v, (bool *)(void *)place);
	case PARAMETER_INTEGER:
		return json_integer(v, (int64_t *)(void *)place);
	case PARAMETER_STRING:
		text = json_string(v);
		memcpy(place, &text, sizeof(text));
		return text;
	case PARAMETER_OBJECT:
		memcpy(place, &v, sizeof(v));
		return json_type(v) == JSON_OBJECT;
	}
	return false;
}

static const struct parameter *find(
    const struct parameter *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

const char *parameters_read(
    struct json_value object, const struct parameter *table, size_t n, void *target)
{
	const struct parameter *p;
	struct json_value v;
	const char *name;
	int position = 0;

	while (object.json && json_next_member(object, &position, &name, &v)) {
		p = find(table, n, name);
		if (!p || !read_one(v, p, target))
			return name;
	}
	for (size_t i = 0; i < n; i++)
		if (table[i].required &&
		    (!object.json || !json_find(object, table[i].name, &v)))
			return table[i].name;
	return NULL;
}

bool parameter_is_sha256(const char *text)
{
	return strlen(text) == DIGEST_SHA256_HEX_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == DIGEST_SHA256_HEX_SIZE - 1;
}
