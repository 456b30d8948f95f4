/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that open, store and rename files, and those that go by syscall(2). */

#include "preload.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A third argument counts only where a file may be made. */
static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int openat(int folder, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return fault_fails(FAULT_OPEN, -1) ? -1 : REAL(openat)(folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return openat(AT_FDCWD, path, flags, mode);
}

/* openat2(2), for one, has no function of its own. */
long syscall(long number, ...)
{
	long word[6];
	va_list ap;

	va_start(ap, number);
	for (unsigned i = 0; i < sizeof(word) / sizeof(*word); i++)
		word[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2 && fault_fails(FAULT_OPEN, -1))
		return -1;
	return REAL(syscall)(
	    number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
	return fault_fails(FAULT_OPEN, -1) ? NULL : REAL(fopen)(path, mode);
}

/* Where offsets have 64 bits anyhow, both names of a call are one function, as in glibc. */
_Static_assert(sizeof(off_t) == sizeof(off64_t), "two functions are needed");
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char *path, int flags, ...)
    __attribute__((alias("openat")));
FILE *fopen64(const char *restrict path, const char *restrict mode)
    __attribute__((alias("fopen")));

DIR *opendir(const char *path)
{
	return fault_fails(FAULT_OPEN, -1) ? NULL : REAL(opendir)(path);
}

int fsync(int fd)
{
	return fault_fails(FAULT_STORE, fd) ? -1 : REAL(fsync)(fd);
}

int rename(const char *from, const char *to)
{
	return fault_fails(FAULT_STORE, -1) ? -1 : REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	return fault_fails(FAULT_STORE, -1)
		   ? -1
		   : REAL(renameat)(from_folder, from, to_folder, to);
}

int mkdir(const char *path, mode_t mode)
{
	return fault_fails(FAULT_STORE, -1) ? -1 : REAL(mkdir)(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
	return fault_fails(FAULT_STORE, -1) ? -1 : REAL(mkdirat)(folder, path, mode);
}

int symlinkat(const char *target, int folder, const char *path)
{
	return fault_fails(FAULT_STORE, -1) ? -1 : REAL(symlinkat)(target, folder, path);
}

int unlinkat(int folder, const char *path, int flags)
{
	return fault_fails(FAULT_STORE, -1) ? -1 : REAL(unlinkat)(folder, path, flags);
}
