/* SPDX-License-Identifier: Apache-2.0 */
/* One datagram a message, to a path or an abstract name. */

#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The length of the address, or 0 if there is none that can be used. */
static socklen_t find_manager(struct sockaddr_un *ret)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n < 2 || n >= sizeof(ret->sun_path) || (path[0] != '/' && path[0] != '@'))
		return 0;
	memcpy(ret->sun_path, path, n);
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* Room for one descriptor. */
union control {
	struct cmsghdr header; /* aligns it */
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void attach(struct msghdr *message, union control *control, int fd)
{
	*control = (union control){.header = {.cmsg_level = SOL_SOCKET,
				       .cmsg_type = SCM_RIGHTS,
				       .cmsg_len = CMSG_LEN(sizeof(int))}};
	memcpy(CMSG_DATA(&control->header), &fd, sizeof(fd));
	message->msg_control = control->bytes;
	message->msg_controllen = sizeof(control->bytes);
}

int notify_send(const char *state, int fd)
{
	struct sockaddr_un address;
	union control control;
	struct iovec text = {.iov_base = (void *)state, .iov_len = strlen(state)};
	struct msghdr message = {
	    .msg_name = &address,
	    .msg_namelen = find_manager(&address),
	    .msg_iov = &text,
	    .msg_iovlen = 1,
	};
	_cleanup_close_ int manager = -1;

	if (message.msg_namelen == 0)
		return -ENOTCONN;
	if (fd >= 0)
		attach(&message, &control, fd);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (manager < 0)
		return -errno;
	return sendmsg(manager, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void notify_tell(const char *state)
{
	if (notify_send(state, -1) < 0)
		return; /* the next one will tell */
}

static uint64_t number_in(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long long value;

	if (!text || *text < '0' || *text > '9')
		return 0;
	value = strtoull(text, &end, 10);
	return *end ? 0 : value;
}

uint64_t notify_watchdog_usec(void)
{
	uint64_t pid = number_in("WATCHDOG_PID");

	if (pid != 0 && pid != (uint64_t)getpid())
		return 0;
	return number_in("WATCHDOG_USEC") / 2;
}

bool notify_is_service(void)
{
	return number_in("SYSTEMD_EXEC_PID") == (uint64_t)getpid();
}
