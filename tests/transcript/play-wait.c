/* SPDX-License-Identifier: Apache-2.0 */
/* One poll over everything that can move. */

#include "play-wait.h"

#include <errno.h>
#include <poll.h>

#include "deadline.h"

/* the awaited one, the helper, the client, the servers */
#define FDS_MAX (3 + STAGE_CONNECTIONS_MAX)

void play_flush(struct play *p)
{
	peer_flush(&p->client);
	for (size_t i = 0; i < p->n_servers; i++)
		peer_flush(&p->servers[i]);
}

static void add_output(struct pollfd *fds, nfds_t *n, const struct peer *peer)
{
	if (peer_has_output(peer))
		fds[(*n)++] = (struct pollfd){.fd = peer->fd, .events = POLLOUT};
}

int play_wait(struct play *p, int fd, short events, uint64_t deadline)
{
	struct pollfd fds[FDS_MAX];
	nfds_t n = 0;
	int r;

	play_flush(p);
	r = helper_double_serve(&p->helper, &p->values);
	if (r < 0)
		return r;
	fds[n++] = (struct pollfd){.fd = fd, .events = events};
	fds[n++] = (struct pollfd){.fd = helper_double_fd(&p->helper), .events = POLLIN};
	add_output(fds, &n, &p->client);
	for (size_t i = 0; i < p->n_servers; i++)
		add_output(fds, &n, &p->servers[i]);
	r = deadline_poll(fds, (unsigned)n, deadline);
	return r < 0 ? r : 0;
}

int play_fill(struct play *p, struct peer *peer, uint64_t deadline)
{
	int r = 0;

	play_flush(p);
	while (r == 0 && !peer_fill(peer))
		r = play_wait(p, peer->fd, peer->events, deadline);
	return r;
}
