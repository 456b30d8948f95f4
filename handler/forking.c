/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's loop: sockets that are ready, sessions that end, signals, and the few
 * moments at which something is due. It never waits for anything else.
 */

#include "forking.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "deadline.h"
#include "forking-parent.h"
#include "log.h"
#include "notify.h"

#define MESSAGE_ID_CRASH "2c7e9f4d1b8a4063a5d7e1c3f8b60910"
#define STATUS_USEC (2 * USEC_PER_SEC)
#define AGAIN_USEC (100 * USEC_PER_MSEC)
#define EVENTS_MAX 64

static void parent_done(struct parent *p)
{
	for (unsigned i = 0; i < p->n_listeners; i++) {
		tls_cache_leave(&p->tls, &p->listeners[i].tls);
		macro_close(&p->listeners[i].fd);
		free(p->listeners[i].place);
	}
	free(p->listeners);
	free(p->own);
	service_file_done(&p->file);
	children_done(&p->children);
	tls_cache_done(&p->tls);
	macro_close(&p->epoll);
	macro_close(&p->listening);
	macro_close(&p->signals);
	macro_close(&p->reserve);
}
#define _cleanup_parent_ _cleanup_(parent_done)

/* What no session could say of itself. */
static void report_end(const struct parent *p, const struct child_end *end)
{
	const struct listener *l = &p->listeners[end->service];
	const char *name = forking_name(l);
	bool killed = WIFSIGNALED(end->status);
	int number = killed ? WTERMSIG(end->status) : WEXITSTATUS(end->status);
	const struct log_field fields[] = {
	    {"MAILDEST_SERVICE", name},
	    {"MAILDEST_DESTINATION", l->service ? l->service->destination : NULL},
	    {"MAILDEST_RESULT", killed ? "killed" : "crashed"},
	};
	_cleanup_secret_ struct secret message = {0};
	int r;

	if (!killed && number == 0)
		return;
	r = secret_printf(&message, "a session of %s (process %d) %s %d%s%s%s%s", name,
	    (int)end->pid, killed ? "was killed by signal" : "ended with status", number,
	    killed ? " (" : "", killed ? strsignal(number) : "", killed ? ")" : "",
	    killed && number == SIGSYS
		? ": it made a system call that no session makes; the kernel's log names "
		  "it, in a record of type 1326. Somebody may have taken it over"
		: "");
	if (r == 0) /* SIGTERM is what somebody wanted */
		log_record(number == SIGTERM && killed ? LOG_PRIORITY_NOTICE
						       : LOG_PRIORITY_ERROR,
		    MESSAGE_ID_CRASH, secret_str(&message), fields, ELEMENTSOF(fields));
}

static void tell_status_soon(struct parent *p)
{
	if (p->status_at == DEADLINE_NEVER)
		p->status_at = deadline_in(STATUS_USEC);
}

static void session_ended(struct parent *p)
{
	tell_status_soon(p);
	if (p->hold == HOLD_FULL && children_count(&p->children) < p->children.max)
		forking_release(p);
}

/* In the kernel, connections wait on for whoever else has the sockets: the service manager. */
static void stop(struct parent *p)
{
	if (p->stops++ > 0)
		return;
	notify_tell("STOPPING=1");
	p->hold = HOLD_NONE;
	p->hold_until = DEADLINE_NEVER;
	macro_close(&p->listening); /* leaves the other epoll by that */
	for (unsigned i = 0; i < p->n_listeners; i++)
		macro_close(&p->listeners[i].fd);
}

static void on_signals(struct parent *p)
{
	struct signalfd_siginfo info;
	struct child_end end;

	while (read(p->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			stop(p);
	while (children_reap(&p->children, &end)) {
		report_end(p, &end);
		p->listeners[end.service].sessions--;
		session_ended(p);
	}
}

static void on_event(struct parent *p, const struct epoll_event *event)
{
	uint64_t data = event->data.u64;

	if (data >= FORKING_LEFT_OVER) {
		children_end_left_over(&p->children, (size_t)(data - FORKING_LEFT_OVER));
		session_ended(p);
	} else if (data == (uint64_t)p->signals) {
		on_signals(p);
	} else if (p->listening >= 0 && data == (uint64_t)p->listening) {
		forking_accept(p);
		tell_status_soon(p);
	}
}

static void tell_status(struct parent *p)
{
	char text[sizeof("STATUS= sessions") + 20]; /* of a size_t's digits */
	size_t n = children_count(&p->children);

	(void)snprintf(
	    text, sizeof(text), "STATUS=%zu session%s", n, n == 1 ? "" : "s"); /* fits */
	notify_tell(text);
	p->status_at = DEADLINE_NEVER;
}

/* The manager waits for it: until it has room for the message. */
static void tell_ready(struct parent *p)
{
	p->ready_at = notify_send("READY=1", -1) == -EAGAIN ? deadline_in(AGAIN_USEC)
							    : DEADLINE_NEVER;
}

static void do_what_is_due(struct parent *p, uint64_t watchdog_usec)
{
	uint64_t now = deadline_now();

	if (now >= p->hold_until)
		forking_hold_is_over(p);
	if (now >= p->ready_at)
		tell_ready(p);
	if (now >= p->status_at)
		tell_status(p);
	if (now >= p->watchdog_at) {
		p->watchdog_at = now + (notify_send("WATCHDOG=1", -1) == -EAGAIN
					       ? MIN_OF(AGAIN_USEC, watchdog_usec)
					       : watchdog_usec);
	}
}

static uint64_t next_due(const struct parent *p)
{
	return MIN_OF(
	    MIN_OF(p->hold_until, p->ready_at), MIN_OF(p->status_at, p->watchdog_at));
}

static bool is_over(const struct parent *p)
{
	if (p->stops == 0)
		return false;
	return p->stops > 1 || p->children.n == 0 || notify_is_service();
}

static int serve(struct parent *p)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t watchdog_usec = notify_watchdog_usec(), due;
	int n;

	p->watchdog_at = watchdog_usec ? deadline_in(watchdog_usec) : DEADLINE_NEVER;
	while (!is_over(p)) {
		if (p->n_lost == p->n_listeners)
			return -ENOTCONN;
		due = next_due(p);
		n = epoll_wait(p->epoll, events, EVENTS_MAX, deadline_poll_timeout(due));
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			on_event(p, &events[i]);
		do_what_is_due(p, watchdog_usec);
	}
	return 0;
}

int forking_run(const struct forking_options *options, struct listen_fds *sockets)
{
	_cleanup_parent_ struct parent p = {
	    .options = options,
	    .request = *options->request,
	    .epoll = -1,
	    .listening = -1,
	    .signals = -1,
	    .reserve = -1,
	    .hold_until = DEADLINE_NEVER,
	    .ready_at = DEADLINE_NEVER,
	    .watchdog_at = DEADLINE_NEVER,
	    .status_at = DEADLINE_NEVER,
	};
	const char *step;
	int r;

	p.request.tls_cache = &p.tls;
	r = forking_open(&p, sockets, &step);
	if (r == 0) {
		step = "go on serving";
		tell_ready(&p);
		tell_status_soon(&p);
		r = serve(&p);
	}
	if (r < 0)
		log_message(LOG_PRIORITY_ERROR, "cannot %s: %s", step, strerror(-r));
	return r;
}
