/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of resources. A resource that somebody breaks while editing it keeps its socket:
 * its copy counts as long as its file is there and has something broken, whatever that
 * is, as it may have been cut anywhere, and nothing valid of its name. Another file's
 * resource of that name is the duplicate that it was: a slip of the pen gives nobody's
 * clients away.
 */

#include "resources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "owner.h"
#include "reason.h"
#include "service-state.h"
#include "text.h"

static bool is_needed(
    const struct resources *r, size_t n, const char *file, const struct resource *copy)
{
	bool is_broken = false;

	for (size_t i = 0; i < n; i++) {
		const struct resource *o = &r->list[i].resource;
		bool is_good = o->verdict.condition == CONDITION_SUCCESSFUL &&
			       !r->list[i].is_skipped,
		     is_its_file = strcmp(o->file, file) == 0;

		if (is_good && is_its_file && o->name && strcmp(o->name, copy->name) == 0)
			return false;
		if (!is_good && !r->list[i].is_skipped &&
		    (is_its_file || strcmp(o->file, RESOURCES_FOLDER) == 0))
			is_broken = true;
	}
	return is_broken;
}

/* Adds the entry that a copy is, if it counts; `n` are those that files have. */
static int add_copy(struct resources *r, size_t n, const struct tree_node *document)
{
	const struct tree_node *source = tree_find(document, STATE_COPY_SOURCE),
			       *inner = tree_find(document, STATE_COPY_RESOURCE);
	struct resource copy = {0};
	struct resource_entry *e;
	char *why = NULL;
	int k;

	if (!source || source->type != TREE_TEXT || !inner)
		return 0;
	k = resource_read(inner, &copy, &why);
	free(why);
	if (k <= 0 || copy.verdict.condition != CONDITION_SUCCESSFUL ||
	    r->n == RESOURCES_MAX || !is_needed(r, n, source->text, &copy)) {
		resource_done(&copy);
		return MIN_OF(k, 0);
	}
	e = resources_add(r, source->text, 0);
	if (!e) {
		resource_done(&copy);
		return -ENOMEM;
	}
	copy.file = e->resource.file;
	free(copy.warning);
	e->resource = copy;
	e->is_copy = true;
	return reason_set(&e->resource.warning, 0,
	    "its file says nothing valid of it any more: it serves as it was before");
}

/* The document of a copy: 1, 0 if it is none, -ENOMEM. `ret_text` holds its text. */
static int parse_copy(const struct config *c, const char *file,
    struct config_file *ret_text, struct tree *ret_tree, const struct tree_node **ret)
{
	_cleanup_free_ char *why = NULL, *why_not = NULL;
	int k;

	k = owner_read(c, RESOURCES_COPIES, file, RESOURCES_FILE_MAX, ret_text, &why);
	if (k == 0)
		k = tree_read_json(ret_tree, secret_str(&ret_text->text),
		    ret_text->text.len, ret, &why_not);
	return k == -ENOMEM ? k : k > 0; /* one that cannot be read is none */
}

static int read_copy(
    const struct config *c, struct resources *r, size_t n, const char *file)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_tree_ struct tree tree = {0};
	const struct tree_node *document;
	int k = parse_copy(c, file, &f, &tree, &document);

	return k > 0 ? add_copy(r, n, document) : k;
}

int resources_recorded_file(const struct config *c, const char *name, char **ret)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *file = NULL;
	_cleanup_tree_ struct tree tree = {0};
	const struct tree_node *document, *source;
	int k;

	file = text_format("%s.json", name);
	if (!file)
		return -ENOMEM;
	*ret = NULL;
	k = parse_copy(c, file, &f, &tree, &document);
	if (k <= 0)
		return k;
	source = tree_find(document, STATE_COPY_SOURCE);
	if (!source || source->type != TREE_TEXT)
		return 0;
	*ret = strdup(source->text);
	return *ret ? 0 : -ENOMEM;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_copy(const struct dirent *d)
{
	return resources_file_counts(d->d_name);
}

/* Nothing is read where nothing is broken. */
static bool has_broken(const struct resources *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].resource.verdict.condition != CONDITION_SUCCESSFUL)
			return true;
	return false;
}

int resources_add_copies(const struct config *c, struct resources *r)
{
	struct dirent **files;
	size_t n = r->n;
	int found, k = 0;

	if (!has_broken(r))
		return 0;
	found = scandirat(c->fd, RESOURCES_COPIES, &files, is_copy, by_name);
	if (found < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (int i = 0; i < found; i++) {
		if (k == 0)
			k = read_copy(c, r, n, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return k;
}
