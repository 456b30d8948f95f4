/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets. Who may connect is decided by SO_PEERCRED later (server-accept.c); the
 * file's mode is a second fence. Taking over a stale socket is done under a lock on its
 * folder, so that two helpers started at once do not unlink each other's.
 */

#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "deadline.h"
#include "reason.h"

#define BACKLOG 4096 /* the kernel lowers it to net.core.somaxconn */
/* Another helper needs the lock for milliseconds; whoever keeps it longer is none. */
#define LOCK_USEC (3 * USEC_PER_SEC)
#define LOCK_STEP_USEC (20 * USEC_PER_MSEC)

static int complain(char **ret_why, int error, const char *path, const char *what)
{
	return reason_set(ret_why, -error, "%s: %s: %s", path, what, strerror(error));
}

int listen_check(int fd)
{
	if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
		return -EINVAL;
	/* They come blocking unless the unit says NonBlocking=. */
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Makes the folder a path lies in, and those above it, and opens it. */
static int open_folder(const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	char *slash;
	int fd;

	if (!folder)
		return -ENOMEM;
	for (slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	slash = strrchr(folder, '/');
	slash[slash == folder ? 1 : 0] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int fill_address(const char *path, struct sockaddr_un *ret)
{
	size_t n = strlen(path);

	if (n >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, n + 1);
	return 0;
}

/* Locks the folder: 0; -EWOULDBLOCK if somebody else keeps it locked; another -errno. */
static int lock_folder(int fd)
{
	const uint64_t until = deadline_in(LOCK_USEC);
	int r;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || deadline_now() >= until)
			return -errno;
		/* flock(2) does not tell when it could be had: there is but time to wait for */
		r = deadline_poll(NULL, 0, deadline_in(LOCK_STEP_USEC));
		if (r != -ETIMEDOUT)
			return r;
	}
	return 0;
}

/* Unlinks a socket that nobody listens on: 0, also if there is nothing. */
static int clear_path(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	    errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_socket(const struct sockaddr_un *address)
{
	const struct group *group = getgrnam("maildest");
	_cleanup_close_ int fd = -1;
	mode_t mask;
	int r;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0117);
	r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r < 0)
		return r;
	/* Run by hand without root, the group is not ours to give; then it is one user anyway. */
	if (group && chown(address->sun_path, (uid_t)-1, group->gr_gid) < 0 &&
	    errno != EPERM)
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int listen_bind(const char *path, char **ret_why)
{
	_cleanup_close_ int folder = -1;
	struct sockaddr_un address;
	int r;

	r = fill_address(path, &address);
	if (r < 0)
		return complain(ret_why, -r, path, "cannot be a socket's path");
	folder = open_folder(path);
	if (folder < 0)
		return complain(ret_why, -folder, path, "cannot open its folder");
	r = lock_folder(folder);
	if (r == -EWOULDBLOCK)
		return complain(ret_why, EBUSY, path,
		    "another program keeps its folder locked (flock)");
	if (r < 0)
		return complain(ret_why, -r, path, "cannot lock its folder");
	r = clear_path(&address);
	if (r < 0)
		return complain(ret_why, -r, path, "cannot be taken over");
	r = bind_socket(&address);
	if (r < 0)
		return complain(ret_why, -r, path, "cannot listen");
	return r;
}
