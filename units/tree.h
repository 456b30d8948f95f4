/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a YAML or JSON document says, as nodes: maps with unique keys, lists and texts.
 * All nodes of a file belong to one tree; an alias is the same node in several places, so
 * that no document grows beyond its text.
 */

#include <stddef.h>

#include "macro.h"

/* How deep a document may be nested. */
#define TREE_DEPTH_MAX 64
/* A map's keys: each new one is compared with those before it. */
#define TREE_KEYS_MAX 256
#define TREE_ALIASES_MAX 64

enum tree_type {
	TREE_NULL, /* YAML's ~, null and nothing at all */
	TREE_TEXT, /* numbers and booleans too, as they were written */
	TREE_LIST,
	TREE_MAP,
};

struct tree_node {
	enum tree_type type;
	unsigned line;		     /* in its file, from 1; 0 if not known */
	char *text;		     /* of a TREE_TEXT; owned; without NUL bytes */
	size_t n;		     /* elements of a list, members of a map */
	char **keys;		     /* of a map; owned */
	struct tree_node **children; /* the array is owned, the nodes are the tree's */
};

/* Owns nodes; zeroed, it is empty. */
struct tree {
	struct tree_node **nodes;
	size_t n;
};

void tree_done(struct tree *t);
#define _cleanup_tree_ _cleanup_(tree_done)

/* A new node of the tree, borrowed, or NULL without memory. */
struct tree_node *tree_new(struct tree *t, enum tree_type type, unsigned line);

/*
 * Adds a child to a list (`key` is NULL) or to a map, which takes over `key` (malloc'd) on
 * success. 0; -EEXIST if the map has the key; -E2BIG beyond TREE_KEYS_MAX; -ENOMEM.
 */
_must_check_ int tree_add(struct tree_node *parent, char *key, struct tree_node *child);

/* A map's child, or NULL if `node` is NULL, no map, or has no such key. */
const struct tree_node *tree_find(const struct tree_node *node, const char *key);

/*
 * Reads one YAML document (1.1, as Kubernetes' tools write it) of `len` bytes whose first
 * line is number `line` of its file. In a plain value, ` //` starts a comment. 1 with the
 * root; 0 if the text holds no document; -EBADMSG with *ret_why (malloc'd: "line N: ...",
 * without content); -ENOMEM.
 */
_must_check_ int tree_read_yaml(struct tree *t, const char *text, size_t len,
    unsigned line, const struct tree_node **ret, char **ret_why);

/* The same for a JSON text, checked as strictly as all of them (json.h). */
_must_check_ int tree_read_json(struct tree *t, const char *text, size_t len,
    const struct tree_node **ret, char **ret_why);
