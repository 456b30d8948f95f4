/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A configuration folder of a test's own. Failures to make it fail the test. */

#include <stddef.h>
#include <sys/types.h>

#include "config.h"

struct config_tree {
	char *path; /* owned */
};

/* Makes it, with folders certificates/ and destinations/ in it, open to all users. */
void config_tree_make(struct config_tree *t);
/* Removes it with all that it holds. */
void config_tree_done(struct config_tree *t);
#define _cleanup_config_tree_ _cleanup_(config_tree_done)

/* "<tree>/<name>", malloc'd. */
char *config_tree_path(const struct config_tree *t, const char *name);

/* Writes a file as its owner would: mode 0640. */
void config_tree_write(
    const struct config_tree *t, const char *name, const char *text, size_t len);
void config_tree_puts(const struct config_tree *t, const char *name, const char *text);

/* A file of `len` spaces. */
void config_tree_fill(const struct config_tree *t, const char *name, size_t len);

/* Opens the folder as a configuration and reads `folder`/`name`.json in it. */
_must_check_ int config_tree_read(const struct config_tree *t, const char *folder,
    const char *name, size_t max, struct config_file *ret, char **ret_why);

void config_tree_link(const struct config_tree *t, const char *name, const char *target);
void config_tree_chmod(const struct config_tree *t, const char *name, mode_t mode);
