/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was handed over is looked at before it is believed: a descriptor that is no
 * listening stream socket is one socket less, not the end of the others.
 */

#include "listen-fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "reason.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* A decimal number in 0..max: 0 or -EINVAL. */
static int parse_number(const char *text, long max, long *ret)
{
	char *end;

	errno = 0;
	*ret = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *ret >= 0 && *ret <= max
		   ? 0
		   : -EINVAL;
}

/* How many descriptors are ours: >= 0, or -EINVAL. */
static long count_ours(char **ret_why)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	long n, whose;

	if (!fds)
		return 0;
	if (parse_number(fds, LISTEN_FDS_MAX, &n) < 0)
		return reason_set(ret_why, -EINVAL,
		    "LISTEN_FDS=%.32s is no number of descriptors from 0 to %d", fds,
		    LISTEN_FDS_MAX);
	if (!pid || parse_number(pid, INT_MAX, &whose) < 0 || whose != getpid()) {
		(void)reason_set(ret_why, 0,
		    "LISTEN_PID=%.32s is not this process, %d: the descriptors are not "
		    "its own",
		    pid ? pid : "", (int)getpid()); /* words for an operator only */
		return 0;
	}
	return n;
}

static const char *find_fault(int fd, bool *ret_is_connected)
{
	int type, listens;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return errno == EBADF ? "is not open" : "is no socket";
	if (type != SOCK_STREAM)
		return "is no stream socket";
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
		return "cannot be looked at";
	*ret_is_connected = !listens;
	return NULL;
}

/* O_NONBLOCK: a connection that is gone before accept(2) must not hold the others. */
static const char *prepare(int fd, bool is_connected)
{
	int flags = fcntl(fd, F_GETFL);

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return "cannot be kept from other programs";
	if (!is_connected && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return "cannot be made non-blocking";
	return NULL;
}

static int take_one(struct listen_fd *l, int fd, const char *name)
{
	*l = (struct listen_fd){.fd = fd, .number = fd};
	l->name = strdup(name);
	if (!l->name)
		return -ENOMEM;
	l->fault = find_fault(fd, &l->is_connected);
	if (!l->fault)
		l->fault = prepare(fd, l->is_connected);
	if (fcntl(fd, F_GETFD) < 0)
		/* the number will be something else's, not to be closed here */
		l->fd = -1;
	return 0;
}

static int wrong_names(long n, char **ret_why)
{
	return reason_set(ret_why, -EINVAL,
	    "LISTEN_FDNAMES= does not name each of the %ld descriptors "
	    "(FileDescriptorName= of the socket units) and no destination is given",
	    n);
}

/* `names` is taken apart. */
static int take_all(
    struct listen_fds *ret, long n, const char *name, char *names, char **ret_why)
{
	int r;

	ret->list = calloc((size_t)n, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (long i = 0; i < n; i++) {
		const char *own = name ? name : strsep(&names, ":");

		if (!own || !*own)
			return wrong_names(n, ret_why);
		r = take_one(&ret->list[i], FIRST_FD + (int)i, own);
		if (r < 0)
			return r;
		ret->n++;
	}
	return !name && names ? wrong_names(n, ret_why) : 0;
}

/* One connection is served alone; among listening sockets there is none. */
static void judge_connected(struct listen_fds *l)
{
	for (size_t i = 0; l->n > 1 && i < l->n; i++)
		if (!l->list[i].fault && l->list[i].is_connected)
			l->list[i].fault = "does not listen";
}

int listen_fds_take(struct listen_fds *ret, const char *name, char **ret_why)
{
	_cleanup_listen_fds_ struct listen_fds taken = {0};
	_cleanup_free_ char *names = NULL;
	const char *value = getenv("LISTEN_FDNAMES");
	long n;
	int r;

	*ret = (struct listen_fds){0};
	n = count_ours(ret_why);
	if (n > 0 && !name) {
		names = strdup(value ? value : "");
		if (!names)
			return -ENOMEM;
	}
	if (unsetenv("LISTEN_FDS") < 0 || unsetenv("LISTEN_PID") < 0 ||
	    unsetenv("LISTEN_FDNAMES") < 0)
		return -errno;
	if (n <= 0)
		return (int)n;
	r = take_all(&taken, n, name, names, ret_why);
	if (r < 0)
		return r;
	judge_connected(&taken);
	*ret = taken;
	taken = (struct listen_fds){0};
	return 0;
}

static void done(struct listen_fd *l)
{
	macro_close(&l->fd);
	free(l->name);
}

void listen_fds_drop_faulty(struct listen_fds *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (!l->list[i].fault) {
			l->list[kept++] = l->list[i];
			continue;
		}
		log_message(LOG_PRIORITY_ERROR,
		    "descriptor %d, given as '%s', is left out: it %s", l->list[i].number,
		    l->list[i].name, l->list[i].fault);
		done(&l->list[i]);
	}
	l->n = kept;
}

void listen_fds_done(struct listen_fds *l)
{
	for (size_t i = 0; i < l->n; i++)
		done(&l->list[i]);
	free(l->list);
	*l = (struct listen_fds){0};
}
