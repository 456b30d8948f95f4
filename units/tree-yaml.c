/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of libyaml, and of that only its parser: events come one by one, so that
 * nothing is built before it is counted. Refused is what nobody needs in a resource and
 * what others would read differently: tags, merge keys, keys that are no text.
 */

#include "tree.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "reason.h"

#define ANCHORS_MAX 64

struct builder {
	struct tree *tree;
	const char *text; /* borrowed; with its length */
	size_t len;
	unsigned line0; /* what comes before the text's first line */
	struct {
		struct tree_node *node;
		char *key; /* of the value that comes next; owned */
	} stack[TREE_DEPTH_MAX];
	size_t depth;
	struct {
		char *name; /* owned */
		struct tree_node *node;
	} anchors[ANCHORS_MAX];
	size_t n_anchors, n_aliases;
	struct tree_node *root;
	bool is_over; /* the one document has ended */
	char **ret_why;
};

static void builder_done(struct builder *b)
{
	for (size_t i = 0; i < b->depth; i++)
		free(b->stack[i].key);
	for (size_t i = 0; i < b->n_anchors; i++)
		free(b->anchors[i].name);
}

static unsigned line_of(const struct builder *b, const yaml_mark_t *mark)
{
	return b->line0 + (unsigned)mark->line + 1;
}

static int complain(struct builder *b, const yaml_event_t *event, const char *reason)
{
	return reason_set(
	    b->ret_why, -EBADMSG, "line %u: %s", line_of(b, &event->start_mark), reason);
}

/* As libyaml has read it, with the ` //` comment of a plain value taken off. */
static char *scalar_text(const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t n = event->data.scalar.length;

	for (size_t i = 0;
	     event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && i + 1 < n; i++) {
		if (value[i] != '/' || value[i + 1] != '/' ||
		    (i > 0 && !strchr(" \t\n", value[i - 1])))
			continue;
		for (n = i; n > 0 && strchr(" \t\n", value[n - 1]); n--)
			;
	}
	return strndup(value, n);
}

static bool is_null(const yaml_event_t *event, const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0;
	     event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && i < ELEMENTSOF(nulls);
	     i++)
		if (strcmp(text, nulls[i]) == 0)
			return true;
	return false;
}

/* The tags that say what is so anyway. */
static bool is_plain_tag(const yaml_char_t *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const char *const names[] = {"str", "int", "bool", "map", "seq"};
	const char *text = (const char *)tag;

	if (!text || strcmp(text, "!") == 0)
		return true;
	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return false;
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (strcmp(text + sizeof(prefix) - 1, names[i]) == 0)
			return true;
	return false;
}

/* Puts a finished or an opened node where the document has it. */
static int place(struct builder *b, const yaml_event_t *event, struct tree_node *node)
{
	char **key;
	int r;

	if (b->depth == 0) {
		b->root = node;
		return 0;
	}
	key = &b->stack[b->depth - 1].key;
	if (b->stack[b->depth - 1].node->type == TREE_MAP && !*key)
		return complain(b, event, "a key is no text");
	r = tree_add(b->stack[b->depth - 1].node, *key, node);
	if (r == -EEXIST)
		return complain(b, event, "a key is given twice");
	if (r == -E2BIG)
		return complain(b, event, "a map has too many keys");
	if (r < 0)
		return r;
	*key = NULL; /* the node's now */
	return 0;
}

static int remember(struct builder *b, const yaml_event_t *event,
    const yaml_char_t *anchor, struct tree_node *node)
{
	if (!anchor)
		return 0;
	if (b->n_anchors == ANCHORS_MAX)
		return complain(b, event, "has too many anchors");
	b->anchors[b->n_anchors].name = strdup((const char *)anchor);
	if (!b->anchors[b->n_anchors].name)
		return -ENOMEM;
	b->anchors[b->n_anchors++].node = node;
	return 0;
}

static bool awaits_key(const struct builder *b)
{
	return b->depth > 0 && b->stack[b->depth - 1].node->type == TREE_MAP &&
	       !b->stack[b->depth - 1].key;
}

static int on_key(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;

	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    strcmp(value, "<<") == 0)
		return complain(b, event, "merge keys (<<) are not supported");
	b->stack[b->depth - 1].key = strdup(value);
	return b->stack[b->depth - 1].key ? 0 : -ENOMEM;
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	_cleanup_free_ char *text = NULL;
	struct tree_node *node;
	int r;

	if (!is_plain_tag(event->data.scalar.tag))
		return complain(b, event, "tags are not supported");
	if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
		return complain(b, event, "a text has a NUL character");
	if (awaits_key(b))
		return on_key(b, event);
	text = scalar_text(event);
	if (!text)
		return -ENOMEM;
	node = tree_new(b->tree, is_null(event, text) ? TREE_NULL : TREE_TEXT,
	    line_of(b, &event->start_mark));
	if (!node)
		return -ENOMEM;
	if (node->type == TREE_TEXT)
		node->text = TAKE_PTR(text);
	r = remember(b, event, event->data.scalar.anchor, node);
	return r < 0 ? r : place(b, event, node);
}

static int on_start(struct builder *b, const yaml_event_t *event, enum tree_type type,
    const yaml_char_t *tag, const yaml_char_t *anchor)
{
	struct tree_node *node;
	int r;

	if (!is_plain_tag(tag))
		return complain(b, event, "tags are not supported");
	if (b->depth == TREE_DEPTH_MAX)
		return complain(b, event, "is nested too deeply");
	node = tree_new(b->tree, type, line_of(b, &event->start_mark));
	if (!node)
		return -ENOMEM;
	r = remember(b, event, anchor, node);
	if (r == 0)
		r = place(b, event, node);
	if (r < 0)
		return r;
	b->stack[b->depth].key = NULL;
	b->stack[b->depth++].node = node;
	return 0;
}

/* The latest anchor of that name counts, and only if what it names has ended. */
static int on_alias(struct builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;

	if (++b->n_aliases > TREE_ALIASES_MAX)
		return complain(b, event, "has too many aliases");
	for (size_t i = b->n_anchors; i-- > 0;) {
		struct tree_node *node = b->anchors[i].node;

		if (strcmp(b->anchors[i].name, name) != 0)
			continue;
		for (size_t k = 0; k < b->depth; k++)
			if (b->stack[k].node == node)
				return complain(
				    b, event, "an alias stands within what it names");
		return place(b, event, node);
	}
	return complain(b, event, "an alias names nothing");
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, event, TREE_MAP, event->data.mapping_start.tag,
		    event->data.mapping_start.anchor);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, event, TREE_LIST, event->data.sequence_start.tag,
		    event->data.sequence_start.anchor);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		return b->is_over ? complain(b, event, "a second document starts here")
				  : 0;
	case YAML_DOCUMENT_END_EVENT:
		b->is_over = true;
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
		return 0;
	}
	return 0;
}

/* Whether a line has "//" as SAP's pages have comments, and not as URLs have it. */
static bool is_commented(const char *line, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (line[i] == '/' && line[i + 1] == '/' &&
		    (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
			return true;
	return false;
}

/* In the line where the parser is lost, or the one before it, from which it may come. */
static bool has_comment(const struct builder *b, size_t line)
{
	const char *at = b->text, *end = b->text + b->len, *next;

	for (size_t i = 0; at < end && i <= line; i++, at = next) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));

		next = feed ? feed + 1 : end;
		if (i + 1 >= line && is_commented(at, (size_t)(next - at)))
			return true;
	}
	return false;
}

static int complain_of_text(struct builder *b, const yaml_parser_t *parser)
{
	return reason_set(b->ret_why, -EBADMSG, "line %u: is no YAML: %s%s",
	    line_of(b, &parser->problem_mark),
	    parser->problem ? parser->problem : "it cannot be read",
	    has_comment(b, parser->problem_mark.line)
		? " (a comment begins with '#'; '//' may only follow a value)"
		: "");
}

/* 1 to go on, 0 at the end, -errno. */
static int step(struct builder *b, yaml_parser_t *parser)
{
	yaml_event_t event;
	int r;

	if (!yaml_parser_parse(parser, &event)) {
		if (parser->error == YAML_MEMORY_ERROR)
			return -ENOMEM;
		return complain_of_text(b, parser);
	}
	r = on_event(b, &event);
	if (r == 0)
		r = event.type != YAML_STREAM_END_EVENT;
	yaml_event_delete(&event);
	return r;
}

int tree_read_yaml(struct tree *t, const char *text, size_t len, unsigned line,
    const struct tree_node **ret, char **ret_why)
{
	_cleanup_(builder_done) struct builder b = {
	    .tree = t, .text = text, .len = len, .line0 = line - 1, .ret_why = ret_why};
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	do
		r = step(&b, &parser);
	while (r > 0);
	yaml_parser_delete(&parser);
	if (r < 0)
		return r;
	*ret = b.root;
	return b.root && b.root->type != TREE_NULL;
}
