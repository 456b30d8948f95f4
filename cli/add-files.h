/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The files that `maildest add` writes: all are looked at before one is written, so that a
 * refusal leaves nothing behind.
 */

#include "cli.h"
#include "install.h"
#include "json-writer.h"

#define ADD_FILES_MAX 4

struct add_files {
	struct install list[ADD_FILES_MAX];
	size_t n;
};

/* Adds one, unless its text is empty. All is borrowed. */
void add_file(struct add_files *f, const char *folder, const char *file,
    const char *group, const struct secret *text);

/*
 * Writes those that are not there yet. `service` (NULL for none), of `resource_file`, must
 * not be another resource's. 0; -EEXIST with *ret_why (malloc'd) if it is, or, without
 * `force`, if a file is there that says something else; another -errno likewise.
 */
_must_check_ int add_files_write(const struct cli *c, struct add_files *f,
    const char *service, const char *resource_file, bool force, char **ret_why);

/* What has become of them, for people, and as a member. */
void add_files_print(const struct add_files *f);
void add_files_write_json(
    const struct add_files *f, struct json_writer *w, const char *key);
