/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's loop: sockets that are ready, sessions that end, signals, and the few
 * moments at which something is due. It never waits for anything else.
 */

#include "forking.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "aside.h"
#include "deadline.h"
#include "forking-parent.h"
#include "log.h"
#include "notify.h"
#include "tls-warm.h"

#define MESSAGE_ID_CRASH "2c7e9f4d1b8a4063a5d7e1c3f8b60910"
#define STATUS_USEC (2 * USEC_PER_SEC)
#define EVENTS_MAX 64
/* In epoll_event.data, behind all descriptors: the left-over session of this number. */
#define LEFT_OVER (UINT64_C(1) << 32)

static void parent_done(struct parent *p)
{
	for (unsigned i = 0; i < p->n_services; i++) {
		tls_cache_leave(&p->tls, &p->services[i].tls);
		macro_close(&p->services[i].fd);
	}
	free(p->services);
	children_done(&p->children);
	tls_cache_done(&p->tls);
	macro_close(&p->epoll);
	macro_close(&p->listening);
	macro_close(&p->signals);
	macro_close(&p->reserve);
}
#define _cleanup_parent_ _cleanup_(parent_done)

static const int watched[] = {SIGCHLD, SIGINT, SIGTERM};

static void watched_set(sigset_t *ret)
{
	(void)sigemptyset(ret); /* these cannot fail with valid numbers */
	for (size_t i = 0; i < ELEMENTSOF(watched); i++)
		(void)sigaddset(ret, watched[i]);
}

void forking_leave_parent(struct parent *p)
{
	sigset_t set;

	for (unsigned i = 0; i < p->n_services; i++)
		macro_close(&p->services[i].fd);
	for (size_t i = 0; i < p->children.left_over_size; i++)
		macro_close(&p->children.left_over[i]);
	macro_close(&p->epoll);
	macro_close(&p->listening);
	macro_close(&p->signals);
	macro_close(&p->reserve);
	(void)signal(SIGHUP, SIG_DFL);
	watched_set(&set);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* cannot fail */
}

int forking_watch(int epoll, int fd, uint64_t data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_signals(struct parent *p)
{
	sigset_t set;

	(void)signal(SIGHUP, SIG_IGN); /* nothing to reload: sessions read all anew */
	watched_set(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signals < 0 ? -errno
			      : forking_watch(p->epoll, p->signals, (uint64_t)p->signals);
}

static int open_services(struct parent *p, struct listen_fds *sockets)
{
	int r = 0;

	p->services = calloc(sockets->n, sizeof(*p->services));
	if (!p->services)
		return -ENOMEM;
	for (unsigned i = 0; i < sockets->n && r == 0; i++) {
		struct service *s = &p->services[i];

		*s = (struct service){
		    .fd = TAKE_FD(sockets->list[i].fd), .name = sockets->list[i].name};
		p->n_services++;
		s->protocol = session_guess_protocol(s->fd, s->name);
		forking_look_at(p, s);
		r = forking_watch(p->listening, s->fd, i);
	}
	return r;
}

static int open_left_over(struct parent *p)
{
	int r = 0;

	if (!notify_is_service())
		return 0; /* then our control group has others in it */
	children_find_left_over(&p->children);
	for (size_t i = 0; i < p->children.left_over_size && r == 0; i++)
		r = forking_watch(p->epoll, p->children.left_over[i], LEFT_OVER + i);
	if (p->children.n_left_over > 0)
		log_message(LOG_PRIORITY_NOTICE,
		    "%zu sessions of an earlier process go on and count",
		    p->children.n_left_over);
	return r;
}

static int warm_tls(_unused_ void *argument)
{
	return tls_warm();
}

/* What each session would do at first use: OpenSSL, and the resolver's configuration. */
static int warm_up(void)
{
	int r;

	r = aside_run(warm_tls, NULL);
	if (r == 0)
		r = tls_warm_thread();
	(void)gethostent(); /* reads files only; no name server is asked for a list */
	endhostent();
	return r;
}

static int parent_open(struct parent *p, struct listen_fds *sockets)
{
	int r;

	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->listening = epoll_create1(EPOLL_CLOEXEC);
	forking_keep_reserve(p);
	if (p->epoll < 0 || p->listening < 0 || p->reserve < 0)
		return -errno;
	r = children_init(&p->children, p->options->sessions_max);
	if (r == 0)
		r = open_signals(p);
	if (r == 0)
		r = open_left_over(p);
	if (r == 0)
		r = warm_up();
	if (r == 0)
		r = open_services(p, sockets);
	return r < 0 ? r : forking_watch(p->epoll, p->listening, (uint64_t)p->listening);
}

/* What no session could say of itself. */
static void report_end(const struct parent *p, const struct child_end *end)
{
	const char *name = p->services[end->service].name;
	bool killed = WIFSIGNALED(end->status);
	int number = killed ? WTERMSIG(end->status) : WEXITSTATUS(end->status);
	const struct log_field fields[] = {
	    {"MAILDEST_DESTINATION", name},
	    {"MAILDEST_RESULT", killed ? "killed" : "crashed"},
	};
	_cleanup_secret_ struct secret message = {0};
	int r;

	if (!killed && number == 0)
		return;
	r = secret_printf(&message, "a session of %s (process %d) %s %d%s%s%s", name,
	    (int)end->pid, killed ? "was killed by signal" : "ended with status", number,
	    killed ? " (" : "", killed ? strsignal(number) : "", killed ? ")" : "");
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
	notify_send("STOPPING=1");
	p->hold = HOLD_NONE;
	p->hold_until = DEADLINE_NEVER;
	macro_close(&p->listening); /* leaves the other epoll by that */
	p->listening = -1;
	for (unsigned i = 0; i < p->n_services; i++) {
		macro_close(&p->services[i].fd);
		p->services[i].fd = -1;
	}
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
		session_ended(p);
	}
}

static void on_event(struct parent *p, const struct epoll_event *event)
{
	uint64_t data = event->data.u64;

	if (data >= LEFT_OVER) {
		children_end_left_over(&p->children, (size_t)(data - LEFT_OVER));
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
	notify_send(text);
	p->status_at = DEADLINE_NEVER;
}

static void do_what_is_due(struct parent *p, uint64_t watchdog_usec)
{
	uint64_t now = deadline_now();

	if (now >= p->hold_until)
		forking_hold_is_over(p);
	if (now >= p->status_at)
		tell_status(p);
	if (now >= p->watchdog_at) {
		notify_send("WATCHDOG=1");
		p->watchdog_at = now + watchdog_usec;
	}
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
		due = MIN_OF(p->hold_until, MIN_OF(p->status_at, p->watchdog_at));
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
	    .watchdog_at = DEADLINE_NEVER,
	    .status_at = DEADLINE_NEVER,
	};
	int r;

	p.request.tls_cache = &p.tls;
	r = parent_open(&p, sockets);
	if (r == 0) {
		notify_send("READY=1");
		r = serve(&p);
	}
	if (r < 0)
		log_message(
		    LOG_PRIORITY_ERROR, "cannot serve the sockets: %s", strerror(-r));
	return r;
}
