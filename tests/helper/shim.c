/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a helper under test: kills it before one of its steps with files and
 * answers, or writes down their order.
 *
 *   SHIM_ORDER=path    each step is a line of this file
 *   SHIM_KILL_AT=n     before the nth step it kills itself, as if from outside
 *
 * Steps are what could be lost or seen: a file made, written to, synchronised, renamed or
 * removed; a folder synchronised; an access token handed out.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void step(const char *what)
{
	const char *order = getenv("SHIM_ORDER"), *kill_at = getenv("SHIM_KILL_AT");
	static int steps;
	FILE *f = order ? fopen(order, "ae") : NULL;

	if (f) {
		(void)fprintf(f, "%s\n", what);
		(void)fclose(f);
	}
	if (kill_at && ++steps == atoi(kill_at)) {
		(void)raise(SIGKILL);
		for (;;)
			(void)pause();
	}
}

static int is_of_type(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

int openat64(int folder, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
		step("create");
	}
	return REAL(openat64)(folder, path, flags, mode);
}

/* Not standard error, and not what libraries write to. */
ssize_t write(int fd, const void *bytes, size_t n)
{
	if (fd > STDERR_FILENO && is_of_type(fd, S_IFREG) && n >= 8 &&
	    memcmp(bytes, "MDROTAT1", 8) == 0)
		step("write");
	return REAL(write)(fd, bytes, n);
}

int fsync(int fd)
{
	step(is_of_type(fd, S_IFDIR) ? "synchronise folder" : "synchronise file");
	return REAL(fsync)(fd);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	step("rename");
	return REAL(renameat)(from_folder, from, to_folder, to);
}

int unlinkat(int folder, const char *path, int flags)
{
	step("remove");
	return REAL(unlinkat)(folder, path, flags);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
	if (memmem(bytes, n, "\"access_token\":", 15))
		step("answer");
	return REAL(send)(fd, bytes, n, flags);
}
