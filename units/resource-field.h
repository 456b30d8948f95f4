/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How fields of a resource are read. `key` is where a field stands in `parent`, `field`
 * its whole path for messages. All return -EINVAL with the resource's verdict set, or
 * -ENOMEM, if they fail; `null` is as absent.
 */

#include "resource.h"

/* What a text has to be. */
struct resource_kind {
	bool (*is_valid)(const char *text);
	const char *wanted; /* "must be ..." */
};

/* A Kubernetes name: a DNS label in lower case. */
extern const struct resource_kind resource_label_kind;
/* A name of a destination, fragment, instance or chain. */
extern const struct resource_kind resource_name_kind;
/* SAP's four levels. */
extern const struct resource_kind resource_level_kind;

/* Sets the verdict to "<field> <reason>" and returns -EINVAL, or -ENOMEM. */
int resource_fail(struct resource *r, const char *field, const char *reason);

/* A copy of a text: 1, or 0 if it is absent. */
_must_check_ int resource_read_text(struct resource *r, const struct tree_node *parent,
    const char *key, const char *field, const struct resource_kind *kind, char **ret);
/* The same, where it must not be absent: 0. */
_must_check_ int resource_read_required(struct resource *r,
    const struct tree_node *parent, const char *key, const char *field,
    const struct resource_kind *kind, char **ret);
/* A map, borrowed, or NULL if it is absent: 0. */
_must_check_ int resource_find_map(struct resource *r, const struct tree_node *parent,
    const char *key, const char *field, const struct tree_node **ret);
/* true or false; if it is absent, *ret is untouched: 0. */
_must_check_ int resource_read_boolean(struct resource *r, const struct tree_node *parent,
    const char *key, const char *field, bool *ret);
