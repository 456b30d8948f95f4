/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed memory files: made, checked, mapped. What lies in them is no matter here. */

#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* With these, what has been read once is what will be read. */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

void sealed_done(struct sealed *s)
{
	if (s->bytes)
		(void)munmap((void *)(uintptr_t)s->bytes, s->size); /* it is mapped */
	*s = (struct sealed)SEALED_INIT;
}

/* Private, since a shared mapping of a sealed file is refused before Linux 6.7. */
static int map(int fd, size_t size, struct sealed *ret)
{
	void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (bytes == MAP_FAILED)
		return -errno;
	/* Fails where nothing is locked, which has been told at the start (harden.h). */
	(void)mlock(bytes, size);
	*ret = (struct sealed){.bytes = bytes, .size = size};
	return 0;
}

static int create(const char *name)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* the kernel does not know that flag */
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	ssize_t written;

	for (size_t at = 0; at < n; at += (size_t)written) {
		written = write(fd, bytes + at, n - at);
		if (written < 0 && errno != EINTR)
			return -errno;
		written = MAX_OF(written, 0);
	}
	return 0;
}

int sealed_new(const char *name, const void *bytes, size_t n, struct sealed *ret)
{
	_cleanup_close_ int fd = create(name);
	int r;

	if (fd < 0)
		return fd;
	r = write_all(fd, bytes, n);
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	if (r == 0)
		r = map(fd, n, ret);
	return r < 0 ? r : TAKE_FD(fd);
}

int sealed_open(int fd, size_t max, struct sealed *ret, const char **ret_why)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	*ret_why = NULL;
	if (seals < 0 || fstat(fd, &st) < 0)
		*ret_why = "it is no memory file";
	else if ((seals & SEALS) != SEALS)
		*ret_why = "it is not sealed";
	else if (st.st_size == 0)
		*ret_why = "it is empty";
	else if ((uintmax_t)st.st_size > max)
		*ret_why = "it is too long";
	return *ret_why ? -EBADMSG : map(fd, (size_t)st.st_size, ret);
}
