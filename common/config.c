/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening configuration files. Names come from units and from the network, so each is
 * checked and resolved below its folder's descriptor (beneath.h); rights are judged by
 * fstat(2) of what was opened, never of a path.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>

#include "beneath.h"
#include "paths.h"
#include "reason.h"
#include "text.h"

#define SYSTEM_FOLDER "/etc/maildest"
#define MIB ((size_t)1024 * 1024)

/* NULL without memory. */
static char *default_path(void)
{
	const char *path = getenv("MAILDEST_CONFIG_DIR"), *home;

	if (path && *path)
		return strdup(path);
	if (path_is_system_user() || !(home = getenv("HOME")))
		return strdup(SYSTEM_FOLDER);
	return text_format("%s/.config/maildest", home);
}

int config_open(struct config *ret, const char *path, char **ret_why)
{
	struct config c = CONFIG_INIT;
	int r;

	c.path = path ? strdup(path) : default_path();
	if (!c.path)
		return -ENOMEM;
	c.fd = open(c.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c.fd < 0) {
		r = reason_set(ret_why, -errno, "%s: %s", c.path, strerror(errno));
		config_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

void config_done(struct config *c)
{
	if (c->fd >= 0)
		(void)close(c->fd); /* O_PATH: nothing to flush */
	free(c->path);
	*c = (struct config)CONFIG_INIT;
}

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool config_name_is_valid(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!is_name_char(name[i]))
			return false;
	return n >= 1 && n <= CONFIG_NAME_MAX;
}

bool config_certificate_name_is_valid(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!is_name_char(name[i]) && (name[i] != '.' || i == 0))
			return false;
	return n >= 1 && n <= CONFIG_NAME_MAX;
}

static const char *open_reason(int error)
{
	switch (error) {
	case ENOENT:
		return "there is no such file";
	case EACCES:
		return "may not be read by the user this runs as";
	case EXDEV:
		return "is a symbolic link that leads out of its folder";
	case ELOOP:
		return "is a symbolic link that leads nowhere";
	}
	return strerror(error);
}

static int read_all(int fd, size_t max, struct secret *ret)
{
	ssize_t n;
	int r;

	for (;;) {
		r = secret_reserve(ret, 4096);
		if (r < 0)
			return r;
		n = read(fd, ret->data + ret->len, ret->cap - ret->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (ret->len > max)
			return -EFBIG;
	}
}

static bool is_trusted_place(const char *path)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	size_t n = credentials ? strlen(credentials) : 0;

	if (strstr(path, "/../"))
		return false;
	return (n > 0 && strncmp(path, credentials, n) == 0 && path[n] == '/') ||
	       strncmp(path, "/run/secrets/", strlen("/run/secrets/")) == 0;
}

/* Takes over `fd`. */
static int read_file(
    int fd, const char *path, size_t max, struct config_file *ret, char **ret_why)
{
	_cleanup_close_ int owned = fd;
	_cleanup_config_file_ struct config_file f = {0};
	int r;

	f.path = strdup(path);
	if (!f.path)
		return -ENOMEM;
	if (fstat(owned, &f.st) < 0)
		return reason_set(ret_why, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(f.st.st_mode))
		return reason_set(ret_why, -EISDIR, "%s: is no regular file", path);
	f.trusted = is_trusted_place(path);
	r = read_all(owned, max, &f.text);
	if (r == -EFBIG)
		return reason_set(ret_why, r, "%s: is larger than %zu %s", path,
		    max < MIB ? max / 1024 : max / MIB, max < MIB ? "KiB" : "MiB");
	if (r < 0)
		return reason_set(ret_why, r, "%s: %s", path, strerror(-r));
	*ret = f;
	f = (struct config_file){0};
	return 0;
}

static int open_folder(const struct config *c, const char *folder)
{
	int fd = openat(c->fd, folder ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int config_read(const struct config *c, const char *folder, const char *name,
    const char *suffix, size_t max, struct config_file *ret, char **ret_why)
{
	_cleanup_free_ char *path = NULL, *file = NULL;
	_cleanup_close_ int folder_fd = -1;
	int fd;

	file = text_format("%s%s", name, suffix);
	if (!file)
		return -ENOMEM;
	path = text_format(
	    "%s/%s%s%s", c->path, folder ? folder : "", folder ? "/" : "", file);
	if (!path)
		return -ENOMEM;
	folder_fd = open_folder(c, folder);
	if (folder_fd < 0)
		return reason_set(
		    ret_why, folder_fd, "%s: %s", path, open_reason(-folder_fd));
	fd = beneath_open(folder_fd, file);
	if (fd < 0)
		return reason_set(ret_why, fd, "%s: %s", path, open_reason(-fd));
	return read_file(fd, path, max, ret, ret_why);
}

int config_read_path(
    const char *path, size_t max, struct config_file *ret, char **ret_why)
{
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return reason_set(ret_why, -errno, "%s: %s", path, open_reason(errno));
	return read_file(fd, path, max, ret, ret_why);
}

void config_file_done(struct config_file *f)
{
	secret_done(&f->text);
	free(f->path);
	*f = (struct config_file){0};
}

static bool is_own_group(gid_t group)
{
	_cleanup_free_ gid_t *groups = NULL;
	int n;

	if (group == 0 || group == getegid() || group == getgid())
		return true;
	n = getgroups(0, NULL);
	groups = n > 0 ? calloc((size_t)n, sizeof(*groups)) : NULL;
	if (!groups)
		return false;
	n = getgroups(n, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool is_our_named_group(gid_t group)
{
	static const char *const names[] = {"maildest", "maildest-helper"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		const struct group *g = getgrnam(names[i]);

		if (g && g->gr_gid == group)
			return true;
	}
	return false;
}

int config_check_private(const struct config_file *f, char **ret_why)
{
	const char *reason = NULL;

	if (f->trusted)
		return 0;
	if (f->st.st_uid != 0 && f->st.st_uid != geteuid())
		reason = "holds a secret and belongs neither to root nor to the user "
			 "this runs as: chown root it";
	else if (f->st.st_mode & S_IRWXO)
		reason = "holds a secret and other users have rights on it: chmod o= it";
	else if ((f->st.st_mode & S_IRWXG) && !is_own_group(f->st.st_gid) &&
		 !is_our_named_group(f->st.st_gid))
		reason =
		    "holds a secret and a group that is not maildest's has rights on it: "
		    "chgrp maildest it";
	return reason ? reason_set(ret_why, -EPERM, "%s: %s", f->path, reason) : 0;
}
