/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes, and documents of JSON as such. YAML is tree-yaml.c's. */

#include "tree.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "json.h"
#include "reason.h"

static void free_node(struct tree_node *node)
{
	for (size_t i = 0; node->keys && i < node->n; i++)
		free(node->keys[i]);
	free(node->keys);
	free(node->children);
	free(node->text);
	free(node);
}

void tree_done(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		free_node(t->nodes[i]);
	free(t->nodes);
	*t = (struct tree){0};
}

/* Makes room for one more in an array of pointers that grows by doubling: 0 or -ENOMEM. */
static int grow(void *array, size_t n)
{
	void **old = *(void ***)array, **more;

	if (n != 0 && (n & (n - 1)) != 0)
		return 0;
	more = reallocarray(old, n ? 2 * n : 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	*(void ***)array = more;
	return 0;
}

struct tree_node *tree_new(struct tree *t, enum tree_type type, unsigned line)
{
	struct tree_node *node;

	if (grow(&t->nodes, t->n) < 0)
		return NULL;
	node = calloc(1, sizeof(*node));
	if (!node)
		return NULL;
	node->type = type;
	node->line = line;
	t->nodes[t->n++] = node;
	return node;
}

int tree_add(struct tree_node *parent, char *key, struct tree_node *child)
{
	if (key) {
		if (tree_find(parent, key))
			return -EEXIST;
		if (parent->n == TREE_KEYS_MAX)
			return -E2BIG;
		if (grow(&parent->keys, parent->n) < 0)
			return -ENOMEM;
	}
	if (grow(&parent->children, parent->n) < 0)
		return -ENOMEM;
	if (key)
		parent->keys[parent->n] = key;
	parent->children[parent->n++] = child;
	return 0;
}

const struct tree_node *tree_find(const struct tree_node *node, const char *key)
{
	for (size_t i = 0; node && node->type == TREE_MAP && i < node->n; i++)
		if (strcmp(node->keys[i], key) == 0)
			return node->children[i];
	return NULL;
}

static struct tree_node *copy_json(struct tree *t, struct json_value v);

static int copy_members(struct tree *t, struct json_value v, struct tree_node *node)
{
	struct json_value member;
	const char *name = NULL;
	int position = 0, r;

	while (node->type == TREE_MAP ? json_next_member(v, &position, &name, &member)
				      : json_next_element(v, &position, &member)) {
		_cleanup_free_ char *key = name ? strdup(name) : NULL;
		struct tree_node *child = copy_json(t, member);

		if (!child || (name && !key))
			return -ENOMEM;
		r = tree_add(node, key, child);
		if (r < 0)
			return r;
		key = NULL; /* the node's now */
	}
	return 0;
}

/* NULL without memory, or if a map is too big: errno says which. */
static struct tree_node *copy_json(struct tree *t, struct json_value v)
{
	static const enum tree_type types[] = {
	    [JSON_OBJECT] = TREE_MAP,
	    [JSON_ARRAY] = TREE_LIST,
	    [JSON_STRING] = TREE_TEXT,
	    [JSON_NUMBER] = TREE_TEXT,
	    [JSON_BOOLEAN] = TREE_TEXT,
	    [JSON_NULL] = TREE_NULL,
	};
	struct tree_node *node = tree_new(t, types[json_type(v)], 0);
	int r = 0;

	if (!node)
		return NULL;
	if (node->type == TREE_TEXT && !(node->text = strdup(json_text(v))))
		return NULL;
	if (node->type == TREE_MAP || node->type == TREE_LIST)
		r = copy_members(t, v, node);
	if (r < 0)
		errno = -r;
	return r < 0 ? NULL : node;
}

int tree_read_json(struct tree *t, const char *text, size_t len,
    const struct tree_node **ret, char **ret_why)
{
	_cleanup_json_ struct json *json = NULL;
	struct json_error error;
	int r;

	r = json_parse(text, len, &json, &error);
	if (r == -EBADMSG)
		return reason_set(
		    ret_why, -EBADMSG, "line %u: %s", error.line, error.reason);
	if (r < 0)
		return r;
	errno = 0;
	*ret = copy_json(t, json_root(json));
	if (*ret)
		return (*ret)->type != TREE_NULL;
	return errno == E2BIG ? reason_set(ret_why, -EBADMSG,
				    "an object has more than %d keys", TREE_KEYS_MAX)
			      : -ENOMEM;
}
