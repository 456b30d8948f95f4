/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a waiting connection to a process of its own, or to a refusal in words. Nothing is
 * read from a connection here. Under want of anything the parent stops accepting for a
 * while, and the kernel's queue waits with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "deadline.h"
#include "dial.h"
#include "forking-parent.h"
#include "log.h"

/* From one socket, before the others get their turn. */
#define ACCEPTS_A_TURN 16
#define READY_MAX 64
/* Likewise, of those who have waited long enough. */
#define REFUSALS_A_TURN 256U
/* Those who wait for a session to end are told so after this long. */
#define PATIENCE_USEC (10 * USEC_PER_SEC)
/* Till descriptors or processes may be had again. */
#define SHORTAGE_USEC (200 * USEC_PER_MSEC)

static void hold(struct parent *p, enum hold why, uint64_t usec)
{
	if (p->hold == HOLD_NONE)
		(void)epoll_ctl(
		    p->epoll, EPOLL_CTL_DEL, p->listening, NULL); /* it is there */
	p->hold = why;
	p->hold_until = deadline_in(usec);
}

void forking_release(struct parent *p)
{
	if (p->hold == HOLD_NONE || p->listening < 0)
		return;
	if (forking_watch(p->epoll, p->listening, (uint64_t)p->listening) < 0) {
		p->hold_until = deadline_in(SHORTAGE_USEC); /* no memory: later */
		return;
	}
	p->hold = HOLD_NONE;
	p->hold_until = DEADLINE_NEVER;
}

/* Takes over the connection. The words fit any socket's buffer, and nobody waits for it. */
static void refuse(const struct service *s, int fd, const char *why)
{
	const struct refusal *refusal = refusal_find(-EUSERS);
	_cleanup_close_ int owned = fd;
	_cleanup_record_ struct record record = {0};
	_cleanup_secret_ struct secret reply = {0};

	record_begin(&record);
	record.destination = s->name;
	if (dial_peer_is_local(owned) == -ECONNABORTED)
		return; /* it has gone by itself, untold */
	if (dial_peer_name(owned, &record.client) < 0)
		record.client = NULL; /* a record without it, then */
	if (s->protocol->refuse(&reply, refusal, record.session) == 0 &&
	    send(owned, reply.data, reply.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		(void)shutdown(owned, SHUT_WR); /* it may be gone */
	record_failure(&record, refusal, "being accepted", why);
}

/* Nothing waits to be flushed or taken apart, unless a sanitizer has its say at exit(3). */
static _Noreturn void leave(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
	exit(EXIT_SUCCESS);
#else
	_exit(EXIT_SUCCESS);
#endif
}

static _Noreturn void run_session(struct parent *p, const struct service *s, int fd)
{
	struct session_request request = p->request;

	request.destination = s->name;
	forking_leave_parent(p);
	log_open(p->options->identifier, fd);
	session_run(&request, fd, fd);
	leave();
}

/* Takes over the connection. */
static void start_session(struct parent *p, struct service *s, int fd)
{
	pid_t pid;

	pid = fork();
	if (pid == 0)
		run_session(p, s, fd);
	if (pid > 0) {
		children_add(&p->children, pid, (unsigned)(s - p->services));
		(void)close(fd);       /* the session's */
		forking_look_at(p, s); /* for the next one; this one need not wait */
		return;
	}
	refuse(s, fd, "no process can be had for it (TasksMax=, memory)");
	hold(p, HOLD_SHORT, SHORTAGE_USEC);
}

void forking_keep_reserve(struct parent *p)
{
	if (p->reserve < 0)
		p->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The one descriptor that was kept for it gets the next in line his answer. */
static void refuse_with_reserve(struct parent *p, const struct service *s)
{
	int fd;

	macro_close(&p->reserve);
	p->reserve = -1;
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(s, fd, "no descriptor can be had for it (LimitNOFILE=)");
	forking_keep_reserve(p);
	hold(p, HOLD_SHORT, SHORTAGE_USEC);
}

/* It is of no use any more, which must not keep the others from being served. */
static void give_up(struct parent *p, struct service *s, int error)
{
	log_message(LOG_PRIORITY_ERROR, "the socket of %s accepts nothing any more: %s",
	    s->name, strerror(error));
	(void)epoll_ctl(p->listening, EPOLL_CTL_DEL, s->fd, NULL); /* was there */
}

/* Whether another may be waiting on the same socket. */
static bool accept_failed(struct parent *p, struct service *s, int error)
{
	switch (error) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		refuse_with_reserve(p, s);
		return false;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP:
		give_up(p, s, error);
		return false;
	}
	return true; /* it was this connection's own trouble, accept(2) */
}

static bool accept_one(struct parent *p, struct service *s)
{
	int fd;

	if (children_count(&p->children) >= p->children.max) {
		hold(p, HOLD_FULL, PATIENCE_USEC);
		return false;
	}
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return accept_failed(p, s, errno);
	start_session(p, s, fd);
	return p->hold == HOLD_NONE;
}

void forking_accept(struct parent *p)
{
	struct epoll_event ready[READY_MAX];
	int n = epoll_wait(p->listening, ready, READY_MAX, 0);

	for (int i = 0; i < n && p->hold == HOLD_NONE; i++) {
		struct service *s = &p->services[ready[i].data.u64];

		for (unsigned k = 0; k < ACCEPTS_A_TURN && accept_one(p, s); k++)
			;
	}
}

/* How many wait on a socket; of a Unix socket the kernel does not tell. */
static unsigned count_waiting(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return REFUSALS_A_TURN;
	return info.tcpi_unacked; /* of a listening socket: the length of its queue */
}

/* Those who have come by now; who comes meanwhile may wait as long as they did. */
static void refuse_waiting(struct parent *p)
{
	for (unsigned i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		unsigned n = MIN_OF(count_waiting(s->fd), REFUSALS_A_TURN);
		int fd;

		while (n-- > 0 && (fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
			refuse(s, fd,
			    "all sessions there may be at once are taken "
			    "(--sessions-max=)");
	}
}

void forking_hold_is_over(struct parent *p)
{
	if (p->hold == HOLD_FULL)
		refuse_waiting(p);
	forking_keep_reserve(p); /* it may not have been to be had again at once */
	forking_release(p);
}
