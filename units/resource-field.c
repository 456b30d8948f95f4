/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a resource one by one; a reason names the field and never quotes its value. */

#include "resource-field.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "destination-names.h"
#include "dns-name.h"

int resource_fail(struct resource *r, const char *field, const char *reason)
{
	return verdict_set(
	    &r->verdict, CONDITION_CONFIGURATION_FAILED, "%s %s", field, reason);
}

/* A Kubernetes name: a DNS label in lower case. */
static bool is_label(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			return false;
	return dns_label_is_valid(text, strlen(text));
}

const struct resource_kind resource_label_kind = {is_label,
    "must be a DNS label: 1 to 63 lower-case letters, digits and '-', none at its ends"};
const struct resource_kind resource_name_kind = {
    config_name_is_valid, "must be a name: 1 to 200 letters, digits, '_' and '-'"};
const struct resource_kind resource_level_kind = {
    destination_level_is_valid, "must be " DESTINATION_LEVELS};

int resource_read_text(struct resource *r, const struct tree_node *parent,
    const char *key, const char *field, const struct resource_kind *kind, char **ret)
{
	const struct tree_node *node = tree_find(parent, key);

	if (!node || node->type == TREE_NULL)
		return 0;
	if (node->type != TREE_TEXT)
		return resource_fail(r, field, "must be a text");
	if (node->text[0] == '<' && node->text[strlen(node->text) - 1] == '>')
		return resource_fail(
		    r, field, "still has a <placeholder> where a name belongs");
	if (!kind->is_valid(node->text))
		return resource_fail(r, field, kind->wanted);
	*ret = strdup(node->text);
	return *ret ? 1 : -ENOMEM;
}

int resource_read_required(struct resource *r, const struct tree_node *parent,
    const char *key, const char *field, const struct resource_kind *kind, char **ret)
{
	int k = resource_read_text(r, parent, key, field, kind, ret);

	return k == 0 ? resource_fail(r, field, "is missing") : MIN_OF(k, 0);
}

int resource_find_map(struct resource *r, const struct tree_node *parent, const char *key,
    const char *field, const struct tree_node **ret)
{
	*ret = tree_find(parent, key);
	if (*ret && (*ret)->type == TREE_NULL)
		*ret = NULL;
	return *ret && (*ret)->type != TREE_MAP ? resource_fail(r, field, "must be a map")
						: 0;
}

int resource_read_boolean(struct resource *r, const struct tree_node *parent,
    const char *key, const char *field, bool *ret)
{
	const struct tree_node *node = tree_find(parent, key);

	if (!node || node->type == TREE_NULL)
		return 0;
	if (node->type != TREE_TEXT ||
	    (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
		return resource_fail(r, field, "must be true or false");
	*ret = node->text[0] == 't';
	return 0;
}
