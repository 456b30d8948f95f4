/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of what opens and reads files; the real ones are config.c's. */

#include "config-double.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "reason.h"

static struct {
	struct {
		const char *path;
		struct fuzz_input text;
	} files[CONFIG_DOUBLE_FILES_MAX];
	size_t n;
} disk;

/* The linker's names for them. */
int __wrap_config_open(struct config *ret, const char *path, char **ret_why);
int __wrap_config_read(const struct config *c, const char *folder, const char *name,
    const char *suffix, size_t max, struct config_file *ret, char **ret_why);
int __wrap_config_read_path(
    const char *path, size_t max, struct config_file *ret, char **ret_why);

void config_double_put(const char *path, struct fuzz_input text)
{
	fuzz_check(disk.n < CONFIG_DOUBLE_FILES_MAX, "too many files");
	disk.files[disk.n].path = path;
	disk.files[disk.n++].text = text;
}

void config_double_puts(const char *path, const char *text)
{
	config_double_put(path, (struct fuzz_input){text, strlen(text)});
}

void config_double_clear(void)
{
	disk.n = 0;
}

void config_double_open(struct config *ret, const char *path, struct fuzz_input text)
{
	char *why = NULL;

	config_double_clear();
	config_double_put(path, text);
	fuzz_check(config_open(ret, NULL, &why) == 0, "there is no configuration");
}

int __wrap_config_open(struct config *ret, const char *path, char **ret_why)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)path; /* there is one configuration only */
	(void)ret_why;
	fuzz_check(fd >= 0, "no descriptor is left");
	*ret = (struct config){.fd = fd, .path = strdup("/etc/maildest")};
	fuzz_check(ret->path, "no memory");
	return 0;
}

static const struct fuzz_input *find(const char *path)
{
	for (size_t i = 0; i < disk.n; i++)
		if (strcmp(disk.files[i].path, path) == 0)
			return &disk.files[i].text;
	return NULL;
}

int __wrap_config_read_path(
    const char *path, size_t max, struct config_file *ret, char **ret_why)
{
	const struct fuzz_input *text = find(path);
	struct config_file f = {.st = {.st_mode = S_IFREG | 0600, .st_uid = geteuid()}};

	if (!text)
		return reason_set(ret_why, -ENOENT, "%s: there is no such file", path);
	if (text->n > max)
		return reason_set(ret_why, -EFBIG, "%s: is too large", path);
	f.path = strdup(path);
	fuzz_check(f.path && secret_reserve(&f.text, 4096) == 0, "no memory");
	fuzz_fill(&f.text, *text);
	*ret = f;
	return 0;
}

int __wrap_config_read(const struct config *c, const char *folder, const char *name,
    const char *suffix, size_t max, struct config_file *ret, char **ret_why)
{
	_cleanup_free_ char *path = NULL;

	(void)c; /* there is one configuration only */
	if (asprintf(&path, "%s%s%s%s", folder ? folder : "", folder ? "/" : "", name,
		suffix) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return __wrap_config_read_path(path, max, ret, ret_why);
}
