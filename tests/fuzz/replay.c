/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-NAME FILE|FOLDER...: runs the target over each file, and those in each folder, in
 * the order of their names. Silent and 0 if all hold; what does not ends the program, and
 * the file's name is the last word on standard output.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define EXIT_USAGE 2

static int complain(const char *path)
{
	int error = -errno;

	(void)fprintf(
	    stderr, "%s: %s\n", path, strerror(-error)); /* the status tells too */
	return error;
}

/* In a block of its very size, so that a byte beyond it is an error. */
static int run_bytes(const char *path, int fd, size_t n)
{
	_cleanup_free_ uint8_t *bytes = malloc(n);
	ssize_t got = bytes ? read(fd, bytes, n) : -1;
	int r;

	if (got < 0 || (size_t)got != n)
		return complain(path);
	printf("%s\n", path);
	(void)fflush(stdout); /* before whatever may happen */
	r = LLVMFuzzerTestOneInput(bytes, n);
	explicit_bzero(bytes, n); /* what it holds is no secret that the next one left */
	return r;
}

static int run_path(const char *path);

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_folder(const char *path)
{
	struct dirent **entries;
	int n, r = 0;

	n = scandir(path, &entries, is_visible, alphasort);
	if (n < 0)
		return complain(path);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *file = NULL;

		if (r == 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) >= 0)
			r = run_path(file);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int run_path(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return complain(path);
	return S_ISDIR(st.st_mode) ? run_folder(path)
				   : run_bytes(path, fd, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	int r = 0;

	if (argc < 2) {
		(void)fprintf(stderr, "Usage: %s FILE|FOLDER...\n", argv[0]);
		return EXIT_USAGE;
	}
	for (int i = 1; i < argc && r == 0; i++)
		r = run_path(argv[i]);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
