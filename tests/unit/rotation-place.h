/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For tests of the folder of records: one of their own, with records of any age. */

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config-tree.h"
#include "rotation-files.h"

#define NOW ((time_t)2000000000)
#define DAY ((time_t)24 * 60 * 60)

/* A folder that is not there yet, below another that is not there either. */
struct place {
	struct config_tree tree;
	char *folder;
};

static inline void make_place(struct place *p)
{
	config_tree_make(&p->tree);
	p->folder = config_tree_path(&p->tree, "state/maildest");
}

static inline void place_done(struct place *p)
{
	free(p->folder);
	config_tree_done(&p->tree);
}
#define _cleanup_place_ _cleanup_(place_done)

static inline void name_of(unsigned number, char ret[ROTATION_NAME_SIZE])
{
	(void)snprintf(ret, ROTATION_NAME_SIZE, "%064x", number);
}

/* A file of so many bytes beyond those that all records have, last used then. */
static inline void put_named(
    const struct place *p, const char *name, size_t more, time_t used_at)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = used_at}};
	_cleanup_secret_ struct secret bytes = {0};
	char path[4096];
	int fd;

	ck_assert_int_eq(secret_puts(&bytes, "r"), 0);
	if (access(p->folder, F_OK) < 0)
		ck_assert_int_eq(rotation_write(p->folder, name, &bytes), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(ROTATION_OVERHEAD + more)), 0);
	(void)close(fd);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static inline void put(
    const struct place *p, unsigned number, size_t more, time_t used_at)
{
	char name[ROTATION_NAME_SIZE];

	name_of(number, name);
	put_named(p, name, more, used_at);
}

static inline bool is_there(const struct place *p, unsigned number)
{
	char name[ROTATION_NAME_SIZE];

	name_of(number, name);
	return rotation_exists(p->folder, name);
}
