/* SPDX-License-Identifier: Apache-2.0 */
/* Tells descriptors apart. What is done with them is server.c's and store.c's. */

#include "inherit.h"

#include <errno.h>
#include <systemd/sd-daemon.h>

#include "listen.h"
#include "report.h"

/* 1 for a socket, 0 for state, -EINVAL for anything else; another -errno. */
static int take(struct server *server, int fd, const char *name)
{
	_cleanup_close_ int owned = fd;
	int r;

	if (store_knows_name(name)) {
		store_offer(server_store(server), name, TAKE_FD(owned));
		return 0;
	}
	r = listen_check(fd);
	if (r == 0)
		r = server_listen(server, TAKE_FD(owned));
	return r < 0 ? r : 1;
}

static void refuse(struct server *server, int fd, const char *name)
{
	report_descriptor(fd, name);
	store_forget(server_store(server), name); /* or it would come back each time */
}

static int take_all(struct server *server, int n, char *names[])
{
	int sockets = 0, refused = 0, r;

	for (int i = 0; i < n; i++) {
		r = take(server, SD_LISTEN_FDS_START + i, names[i]);
		if (r == -EINVAL) {
			refuse(server, SD_LISTEN_FDS_START + i, names[i]);
			refused++;
		} else if (r < 0) {
			return r;
		} else {
			sockets += r;
		}
	}
	return sockets == 0 && refused > 0 ? -ENOTSOCK : sockets;
}

int inherit(struct server *server)
{
	char **names = NULL;
	int n, r;

	n = sd_listen_fds_with_names(true, &names);
	if (n < 0)
		return n;
	r = take_all(server, n, names);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	server_restore(server);
	return r;
}
