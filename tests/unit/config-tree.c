/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and removes configuration folders below $TMPDIR. */

#include "config-tree.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void make_folder(const struct config_tree *t, const char *name)
{
	_cleanup_free_ char *path = config_tree_path(t, name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

void config_tree_make(struct config_tree *t)
{
	const char *where = getenv("TMPDIR");

	ck_assert_int_gt(asprintf(&t->path, "%s/maildest-check.XXXXXX",
			     where && *where ? where : "/tmp"),
	    0);
	ck_assert_ptr_nonnull(mkdtemp(t->path));
	ck_assert_int_eq(chmod(t->path, 0755), 0);
	make_folder(t, "certificates");
	make_folder(t, "destinations");
}

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_,
    struct FTW *ftw _unused_)
{
	return remove(path);
}

void config_tree_done(struct config_tree *t)
{
	if (t->path)
		ck_assert_int_eq(nftw(t->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(t->path);
	t->path = NULL;
}

char *config_tree_path(const struct config_tree *t, const char *name)
{
	char *path;

	ck_assert_int_gt(asprintf(&path, "%s/%s", t->path, name), 0);
	return path;
}

void config_tree_write(
    const struct config_tree *t, const char *name, const char *text, size_t len)
{
	_cleanup_free_ char *path = config_tree_path(t, name);
	_cleanup_close_ int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0640), 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
}

void config_tree_puts(const struct config_tree *t, const char *name, const char *text)
{
	config_tree_write(t, name, text, strlen(text));
}

void config_tree_fill(const struct config_tree *t, const char *name, size_t len)
{
	_cleanup_free_ char *text = malloc(len + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', len);
	config_tree_write(t, name, text, len);
}

int config_tree_read(const struct config_tree *t, const char *folder, const char *name,
    size_t max, struct config_file *ret, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;

	ck_assert_int_eq(config_open(&c, t->path, ret_why), 0);
	return config_read(&c, folder, name, ".json", max, ret, ret_why);
}

void config_tree_link(const struct config_tree *t, const char *name, const char *target)
{
	_cleanup_free_ char *path = config_tree_path(t, name);

	ck_assert_int_eq(symlink(target, path), 0);
}

void config_tree_chmod(const struct config_tree *t, const char *name, mode_t mode)
{
	_cleanup_free_ char *path = config_tree_path(t, name);

	ck_assert_int_eq(chmod(path, mode), 0);
}
