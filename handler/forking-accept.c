/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a waiting connection to a process of its own, or to a refusal in words. Nothing is
 * read from a connection here. Under want of anything the parent stops accepting for a
 * while, and the kernel's queue waits with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "deadline.h"
#include "forking-parent.h"
#include "log.h"

/* From one socket, before the others get their turn. */
#define ACCEPTS_A_TURN 16
#define READY_MAX 64
/* Those who wait for a session to end are told so after this long. */
#define PATIENCE_USEC (10 * USEC_PER_SEC)
/* Between some refusals and the next: the journal is to take a record of each. */
#define REFUSING_USEC (5 * USEC_PER_MSEC)
/* Till descriptors or processes may be had again. */
#define SHORTAGE_USEC (200 * USEC_PER_MSEC)

static void hold(struct parent *p, enum hold why)
{
	uint64_t now = deadline_now();

	if (p->waiting_since == 0)
		p->waiting_since = now;
	if (p->hold == HOLD_NONE)
		/* it is there */
		(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, p->listening, NULL);
	p->hold = why;
	p->hold_until =
	    why == HOLD_FULL ? p->waiting_since + PATIENCE_USEC : now + SHORTAGE_USEC;
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
	p->is_refusing = false;
}

/* Nothing waits to be flushed or taken apart, unless a sanitizer has its say at exit(3). */
static _Noreturn void leave(void)
{
#ifdef HAVE_SANITIZER
	exit(EXIT_SUCCESS);
#else
	_exit(EXIT_SUCCESS);
#endif
}

/* An interrupt from the terminal is the parent's alone, also one that came before this. */
static void leave_terminal(void)
{
	sighandler_t before;

	(void)setpgid(0, 0); /* cannot fail for a new process, as the next ones */
	before = signal(SIGINT, SIG_IGN); /* whoever ignores it forgets it */
	(void)signal(SIGINT, before);
}

static _Noreturn void run_session(struct parent *p, const struct listener *s, int fd)
{
	struct session_request request = p->request;

	request.service = *s->service;
	leave_terminal();
	forking_leave_parent(p);
	log_open(p->options->identifier, fd);
	session_run(&request, fd, fd);
	leave();
}

/* Takes over the connection; whether it is served. */
static bool start_session(struct parent *p, struct listener *s, int fd)
{
	char why[128];
	pid_t pid;

	if (!s->service) {
		forking_refuse(s, fd, -EINVAL,
		    "no service has this address in the file of services (--services=)");
		return false;
	}
	pid = fork();
	if (pid == 0)
		run_session(p, s, fd);
	if (pid > 0) {
		children_add(&p->children, pid, (unsigned)(s - p->listeners));
		s->sessions++;
		(void)close(fd); /* the session's */
		return true;
	}
	(void)snprintf(why, sizeof(why), "no process can be had for it: %s (TasksMax=)",
	    strerror(errno)); /* cut, if need be */
	forking_refuse(s, fd, -EUSERS, why);
	hold(p, HOLD_SHORT);
	return false;
}

void forking_keep_reserve(struct parent *p)
{
	if (p->reserve < 0)
		p->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The one descriptor that was kept for it gets the next in line his answer. */
static void refuse_with_reserve(struct parent *p, const struct listener *s)
{
	int fd;

	macro_close(&p->reserve);
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		forking_refuse(
		    s, fd, -EUSERS, "no descriptor can be had for it (LimitNOFILE=)");
	forking_keep_reserve(p);
	hold(p, HOLD_SHORT);
}

/* It is of no use any more, which must not keep the others from being served. */
static void give_up(struct parent *p, struct listener *s, int error)
{
	log_message(LOG_PRIORITY_ERROR, "the socket of %s accepts nothing any more: %s",
	    forking_name(s), strerror(error));
	(void)epoll_ctl(p->listening, EPOLL_CTL_DEL, s->fd, NULL); /* was there */
	p->n_lost++;
}

/* Whether another may be waiting on the same socket. */
static bool accept_failed(struct parent *p, struct listener *s, int error)
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

/* Takes over the connection; whether it is served. */
static bool take(struct parent *p, struct listener *s, int fd)
{
	if (forking_has_share(p, s))
		return start_session(p, s, fd);
	forking_refuse(s, fd, -EUSERS,
	    "its service has most of the sessions there may be at once; the last "
	    "are for other services (--sessions-max=)");
	return false;
}

static bool is_anybody_waiting(const struct parent *p)
{
	struct epoll_event ignored;

	return epoll_wait(p->listening, &ignored, 1, 0) > 0;
}

static bool accept_one(struct parent *p, struct listener *s)
{
	bool is_served = false;
	int fd, error;

	if (children_count(&p->children) >= p->children.max) {
		if (is_anybody_waiting(p)) /* patience begins with the first of them */
			hold(p, HOLD_FULL);
		return false;
	}
	forking_mask_watchdog(SIG_BLOCK); /* a connection in hand is nobody else's */
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	error = errno;
	if (fd >= 0)
		is_served = take(p, s, fd);
	forking_mask_watchdog(SIG_UNBLOCK);
	if (fd < 0)
		return accept_failed(p, s, error);
	if (is_served)
		forking_look_at(p, s); /* for the next one; this one need not wait */
	return p->hold == HOLD_NONE;
}

/* Of those that are ready and have not been served, the one whose turn is next. */
static struct epoll_event *next_in_turn(
    const struct parent *p, struct epoll_event *ready, int n)
{
	struct epoll_event *next = NULL;
	uint64_t way, shortest = UINT64_MAX;

	for (int i = 0; i < n; i++) {
		way =
		    (ready[i].data.u64 + p->n_listeners - p->served - 1) % p->n_listeners;
		if (ready[i].events && way < shortest) {
			shortest = way;
			next = &ready[i];
		}
	}
	return next;
}

void forking_accept(struct parent *p)
{
	struct epoll_event ready[READY_MAX], *next;
	int n = epoll_wait(p->listening, ready, READY_MAX, 0);

	forking_refresh_services(p);
	while (p->hold == HOLD_NONE && (next = next_in_turn(p, ready, n))) {
		struct listener *s = &p->listeners[next->data.u64];

		p->served = next->data.u64;
		next->events = 0;
		for (unsigned k = 0; k < ACCEPTS_A_TURN && accept_one(p, s); k++)
			;
	}
	if (p->hold == HOLD_NONE && !is_anybody_waiting(p))
		p->waiting_since = 0;
}

/* Whoever came first has waited as long as anybody should. */
static bool is_patience_over(const struct parent *p)
{
	return deadline_now() >= p->waiting_since + PATIENCE_USEC;
}

void forking_hold_is_over(struct parent *p)
{
	const char *why = p->hold == HOLD_FULL
			      ? "all sessions there may be at once are taken "
				"(--sessions-max=)"
			      : "no process or descriptor can be had for it "
				"(TasksMax=, LimitNOFILE=, memory)";

	if (is_patience_over(p)) {
		if (!p->is_refusing)
			forking_doom_waiting(p);
		p->is_refusing = forking_refuse_doomed(p, why);
		p->hold_until = deadline_in(REFUSING_USEC);
		if (p->is_refusing)
			return;
		p->waiting_since = 0;
	}
	forking_keep_reserve(p); /* it may not have been to be had again at once */
	forking_release(p);
}
