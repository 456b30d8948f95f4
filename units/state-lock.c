/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of fcntl(2), as these alone tell who has them. */

#include "state-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "deadline.h"
#include "reason.h"
#include "service-state.h"

/* fcntl(2) can wait, but not until a deadline. */
#define PAUSE_MSEC 20

static int open_lock(const struct config *c, const char *lock)
{
	_cleanup_close_ int folder = -1;
	int fd;

	if (mkdirat(c->fd, STATE_FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	folder =
	    openat(c->fd, STATE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	fd = openat(folder, lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* 0; -EBUSY with the process that has it, 0 if it is not known; -errno. */
static int try(int fd, pid_t *ret_owner)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_SETLK, &l) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return -errno;
	*ret_owner = fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK && l.l_pid > 0
			 ? l.l_pid
			 : 0;
	return -EBUSY;
}

int state_lock_take(
    const struct config *c, const char *lock, uint64_t deadline, char **ret_why)
{
	_cleanup_close_ int fd = open_lock(c, lock);
	pid_t owner = 0;
	int r = fd < 0 ? fd : try(fd, &owner);

	while (r == -EBUSY && deadline_now() < deadline) {
		(void)poll(NULL, 0, PAUSE_MSEC); /* shorter does no harm */
		r = try(fd, &owner);
	}
	if (r == -EBUSY)
		return reason_set(ret_why, -EALREADY,
		    "another maildest (pid %d) is at work on %s/" STATE_FOLDER,
		    (int)owner, c->path);
	if (r < 0)
		return reason_set(ret_why, r, "%s/" STATE_FOLDER "/%s: %s", c->path, lock,
		    strerror(-r));
	return TAKE_FD(fd);
}
