/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for those that cannot be served. Nothing is read from a connection, and nobody
 * waits for it to take what it is told.
 */

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "deadline.h"
#include "dial.h"
#include "forking-parent.h"

/* Then sessions that end, signals and the service manager have their turn. */
#define REFUSALS_A_TURN 16U

void forking_refuse(const struct listener *s, int fd, int error, const char *why)
{
	const struct refusal *refusal = refusal_find(error);
	_cleanup_close_ int owned = fd;
	_cleanup_record_ struct record record = {0};
	_cleanup_secret_ struct secret reply = {0};

	record_begin(&record);
	record.service = forking_name(s);
	record.destination = s->service ? s->service->destination : NULL;
	if (dial_peer_is_local(owned) == -ECONNABORTED)
		return; /* it has gone by itself, untold */
	if (dial_peer_name(owned, &record.client) < 0)
		record.client = NULL; /* a record without it, then */
	if (s->protocol->refuse(&reply, refusal, record.session) == 0 &&
	    send(owned, reply.data, reply.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		(void)shutdown(owned, SHUT_WR); /* it may be gone */
	record_failure(&record, refusal, "being accepted", why);
}

/* How many wait on a socket; of a Unix socket the kernel does not tell, so all that come. */
static unsigned count_waiting(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return UINT_MAX;
	return info.tcpi_unacked; /* of a listening socket: the length of its queue */
}

void forking_doom_waiting(struct parent *p)
{
	for (unsigned i = 0; i < p->n_listeners; i++)
		p->listeners[i].doomed = count_waiting(p->listeners[i].fd);
}

bool forking_refuse_doomed(struct parent *p, const char *why)
{
	unsigned n = REFUSALS_A_TURN;

	macro_close(&p->reserve); /* for the connections, one at a time */
	for (unsigned i = 0; i < p->n_listeners && n > 0; i++) {
		struct listener *s = &p->listeners[i];

		for (; s->doomed > 0 && n > 0; s->doomed--, n--) {
			int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

			if (fd >= 0)
				forking_refuse(s, fd, -EUSERS, why);
			else if (errno != ECONNABORTED && errno != EINTR)
				s->doomed = 1; /* the last one was */
		}
	}
	forking_keep_reserve(p);
	return n == 0;
}
