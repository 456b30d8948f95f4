/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of resources. A YAML stream is cut at its "---" lines before it is parsed, as
 * these can stand in no text at the start of a line: so that a document that does not
 * parse spoils none behind it.
 */

#include "resources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "owner.h"
#include "reason.h"

void resources_done(struct resources *r)
{
	for (size_t i = 0; i < r->n; i++)
		resource_done(&r->list[i].resource);
	free(r->list);
	*r = (struct resources){0};
}

struct resource_entry *resources_add(struct resources *r, const char *file, unsigned line)
{
	struct resource_entry *more, *e;

	if ((r->n & (r->n - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
		more = reallocarray(r->list, r->n ? 2 * r->n : 1, sizeof(*more));
		if (!more)
			return NULL;
		r->list = more;
	}
	e = &r->list[r->n];
	*e = (struct resource_entry){.resource = {.file = strdup(file), .line = line}};
	if (!e->resource.file)
		return NULL;
	r->n++;
	return e;
}

static bool check_full(struct resources *r)
{
	r->is_full |= r->n == RESOURCES_MAX;
	return r->is_full;
}

/* An entry for what is no resource at all; takes over `why`. */
static int add_failure(struct resources *r, const char *file, unsigned line, char *why)
{
	struct resource_entry *e = NULL;

	if (why && check_full(r)) {
		free(why);
		return 0;
	}
	if (why)
		e = resources_add(r, file, line);
	if (e)
		(void)verdict_set(/* a missing message is said below */
		    &e->resource.verdict, CONDITION_CONFIGURATION_FAILED, "%s", why);
	free(why);
	return e && e->resource.verdict.message ? 0 : -ENOMEM;
}

static int add_one(
    struct resources *r, const char *file, const struct tree_node *document)
{
	struct resource_entry *e;
	int k;

	if (check_full(r))
		return 0;
	e = resources_add(r, file, document->line);
	if (!e)
		return -ENOMEM;
	k = resource_read(document, &e->resource, &e->resource.warning);
	e->is_skipped = k == 0;
	return MIN_OF(k, 0);
}

static int add_document(
    struct resources *r, const char *file, const struct tree_node *document)
{
	const struct tree_node *items = resource_list_items(document);
	int k = 0;

	if (!items)
		return add_one(r, file, document);
	for (size_t i = 0; i < items->n && k == 0; i++)
		k = add_one(r, file, items->children[i]);
	return k;
}

static int add_yaml(
    struct resources *r, const char *file, const char *text, size_t len, unsigned line)
{
	_cleanup_tree_ struct tree tree = {0};
	const struct tree_node *document;
	char *why = NULL;
	int k;

	k = tree_read_yaml(&tree, text, len, line, &document, &why);
	if (k == -EBADMSG)
		return add_failure(r, file, line, why);
	return k > 0 ? add_document(r, file, document) : k;
}

static int add_json(struct resources *r, const char *file, const char *text, size_t len)
{
	_cleanup_tree_ struct tree tree = {0};
	const struct tree_node *document;
	char *why = NULL;
	int k;

	k = tree_read_json(&tree, text, len, &document, &why);
	if (k == -EBADMSG)
		return add_failure(r, file, 0, why);
	return k > 0 ? add_document(r, file, document) : k;
}

/* "---" alone, or with a blank behind it. */
static bool is_separator(const char *line, size_t len)
{
	return len >= 3 && memcmp(line, "---", 3) == 0 &&
	       (len == 3 || strchr(" \t\r", line[3]));
}

/* Directives before a "---" belong to no document of ours. */
static bool is_directive(const char *line, size_t len)
{
	return len > 0 && line[0] == '%';
}

static int add_stream(struct resources *r, const char *file, const char *text, size_t len)
{
	size_t from = 0, at = 0;
	unsigned line = 1, from_line = 1;
	bool is_empty = true;
	int k = 0;

	while (at < len && k == 0) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		if (is_separator(text + at, n)) {
			if (!is_empty)
				k = add_yaml(r, file, text + from, at - from, from_line);
			from = at;
			from_line = line;
			is_empty = false;
		} else if (is_empty && is_directive(text + at, n)) {
			from = at + n + (end ? 1 : 0);
			from_line = line + 1;
		} else {
			is_empty &= n == 0 || text[at] == '#' || text[at] == '\r';
		}
		at += n + (end ? 1 : 0);
		line++;
	}
	if (k == 0 && !is_empty)
		k = add_yaml(r, file, text + from, len - from, from_line);
	return k;
}

static bool has_suffix(const char *file, const char *suffix)
{
	size_t n = strlen(file), k = strlen(suffix);

	return n > k && strcmp(file + n - k, suffix) == 0;
}

bool resources_file_counts(const char *file)
{
	return file[0] != '.' && (has_suffix(file, ".yaml") || has_suffix(file, ".yml") ||
				     has_suffix(file, ".json"));
}

int resources_add_text(
    struct resources *r, const char *file, const char *text, size_t len)
{
	char *why = NULL;

	if (len == 0) { /* nobody's wish: the disk was full, or it is being written */
		int k = reason_set(&why, 0,
		    "is empty (a comment would say that it is "
		    "meant to be)");

		return k < 0 ? k : add_failure(r, file, 0, why);
	}
	return has_suffix(file, ".json") ? add_json(r, file, text, len)
					 : add_stream(r, file, text, len);
}

static int add_file(const struct config *c, struct resources *r, const char *file)
{
	_cleanup_config_file_ struct config_file f = {0};
	char *why = NULL;
	int k;

	k = owner_read(c, RESOURCES_FOLDER, file, RESOURCES_FILE_MAX, &f, &why);
	if (k == -ENOMEM)
		return k;
	if (k < 0)
		return add_failure(r, file, 0, why);
	return resources_add_text(r, file, secret_str(&f.text), f.text.len);
}

static int counts(const struct dirent *d)
{
	return resources_file_counts(d->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The folder that others could put files into is as bad as such a file. */
static int add_folder(const struct config *c, struct resources *r)
{
	_cleanup_close_ int fd = openat(c->fd, RESOURCES_FOLDER, O_DIRECTORY | O_CLOEXEC);
	struct dirent **files;
	char *why = NULL;
	struct stat st;
	int n, k = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		k = reason_set(&why, 0, "%s", strerror(errno));
		return k < 0 ? k : add_failure(r, RESOURCES_FOLDER, 0, why);
	}
	k = owner_check(&st, RESOURCES_FOLDER, &why);
	if (k < 0)
		return k == -ENOMEM ? k : add_failure(r, RESOURCES_FOLDER, 0, why);
	n = scandirat(fd, ".", &files, counts, by_name);
	if (n < 0)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (k == 0)
			k = add_file(c, r, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return k;
}

int resources_read(const struct config *c, struct resources *ret)
{
	_cleanup_resources_ struct resources r = {0};
	int k;

	k = add_folder(c, &r);
	if (k == 0)
		k = resources_add_copies(c, &r);
	if (k < 0)
		return k;
	*ret = r;
	r = (struct resources){0};
	return 0;
}
