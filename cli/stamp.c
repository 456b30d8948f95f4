/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While maildest-sync.service runs, systemd does not watch for it. So it looks by itself
 * whether it has to begin again: at what stat(2) says, before it reads and after it wrote.
 */

#include "stamp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "resources.h"
#include "secret.h"

#define INSTANCES_FOLDER "instances"
#define SETTINGS_FILE "maildest.conf"

static int add_time(struct secret *text, const struct timespec *t)
{
	return secret_printf(text, " %" PRIdMAX ".%ld", (intmax_t)t->tv_sec, t->tv_nsec);
}

/* One line of a file or folder; names may have line breaks, which harms nobody here. */
static int add_entry(struct secret *text, int folder, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(folder, name, &st, 0) < 0 &&
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return secret_printf(text, "%s -\n", name);
	r = secret_printf(text, "%s %" PRIuMAX " %" PRIdMAX, name, (uintmax_t)st.st_ino,
	    (intmax_t)st.st_size);
	if (r == 0)
		r = add_time(text, &st.st_mtim);
	if (r == 0)
		r = add_time(text, &st.st_ctim);
	return r < 0 ? r : secret_puts(text, "\n");
}

static int add_folder(struct secret *text, int top, const char *name)
{
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	DIR *folder;
	int r = 0;

	if (fd < 0)
		return secret_printf(text, "%s/ -\n", name);
	folder = fdopendir(fd);
	if (!folder) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (d = readdir(folder)))
		if (strcmp(d->d_name, "..") != 0)
			r = add_entry(text, fd, d->d_name);
	(void)closedir(folder); /* it was only read */
	return r;
}

int stamp_take(const struct config *c, struct stamp *ret)
{
	_cleanup_secret_ struct secret text = {0};
	struct stamp stamp = {0};
	int r;

	r = add_folder(&text, c->fd, RESOURCES_FOLDER);
	if (r == 0)
		r = add_folder(&text, c->fd, INSTANCES_FOLDER);
	if (r == 0)
		r = add_entry(&text, c->fd, SETTINGS_FILE);
	if (r == 0)
		r = digest_sha256_hex(text.data, text.len, stamp.digest);
	if (r < 0)
		return r;
	*ret = stamp;
	return 0;
}
