/* SPDX-License-Identifier: Apache-2.0 */
/* What a parent needs before it can serve, and what of it a session must not have. */

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "aside.h"
#include "confine.h"
#include "forking-parent.h"
#include "log.h"
#include "notify.h"
#include "tls-warm.h"

static const int watched[] = {SIGCHLD, SIGINT, SIGTERM};

static void watched_set(sigset_t *ret)
{
	(void)sigemptyset(ret); /* these cannot fail with valid numbers */
	for (size_t i = 0; i < ELEMENTSOF(watched); i++)
		(void)sigaddset(ret, watched[i]);
}

void forking_mask_watchdog(int how)
{
	sigset_t set;

	(void)sigemptyset(&set); /* these cannot fail with valid numbers */
	(void)sigaddset(&set, SIGABRT);
	(void)sigprocmask(how, &set, NULL);
}

void forking_leave_parent(struct parent *p)
{
	sigset_t set;

	for (unsigned i = 0; i < p->n_listeners; i++)
		macro_close(&p->listeners[i].fd);
	for (size_t i = 0; i < p->children.left_over_size; i++)
		macro_close(&p->children.left_over[i]);
	macro_close(&p->epoll);
	macro_close(&p->listening);
	macro_close(&p->signals);
	macro_close(&p->reserve);
	(void)signal(SIGHUP, p->on_hangup);
	watched_set(&set);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* cannot fail */
	forking_mask_watchdog(SIG_UNBLOCK);
}

int forking_watch(int epoll, int fd, uint64_t data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_signals(struct parent *p)
{
	sigset_t set;

	/* nothing to reload: sessions read all anew */
	p->on_hangup = signal(SIGHUP, SIG_IGN);
	watched_set(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signals < 0 ? -errno
			      : forking_watch(p->epoll, p->signals, (uint64_t)p->signals);
}

static int open_listeners(struct parent *p, struct listen_fds *sockets)
{
	int r;

	p->listeners = calloc(sockets->n, sizeof(*p->listeners));
	if (!p->listeners)
		return -ENOMEM;
	for (unsigned i = 0; i < sockets->n; i++) {
		struct listener *l = &p->listeners[p->n_listeners++];

		l->fd = TAKE_FD(sockets->list[i].fd);
		l->name = sockets->list[i].name;
	}
	r = forking_open_services(p);
	for (unsigned i = 0; i < p->n_listeners && r == 0; i++) {
		struct listener *s = &p->listeners[i];

		s->protocol = session_guess_protocol(s->fd, forking_name(s));
		forking_look_at(p, s);
		r = forking_watch(p->listening, s->fd, i);
	}
	return r;
}

static int open_left_over(struct parent *p)
{
	int r;

	if (!notify_is_service())
		return 0; /* then our control group has others in it */
	r = children_find_left_over(&p->children);
	if (r < 0)
		log_message(LOG_PRIORITY_WARNING,
		    "some sessions of an earlier process go on uncounted: %s "
		    "(LimitNOFILE=, --sessions-max=)",
		    strerror(-r));
	if (p->children.n_left_over > 0)
		log_message(LOG_PRIORITY_NOTICE,
		    "%zu sessions of an earlier process go on and count",
		    p->children.n_left_over);
	r = 0;
	for (size_t i = 0; i < p->children.left_over_size && r == 0; i++)
		if (p->children.left_over[i] >= 0)
			r = forking_watch(
			    p->epoll, p->children.left_over[i], FORKING_LEFT_OVER + i);
	return r;
}

static int warm_tls(_unused_ void *argument)
{
	return tls_warm();
}

/*
 * What each session would do at first use: OpenSSL, the resolver's configuration, the
 * user database's.
 */
static void warm_up(void)
{
	if (aside_run(warm_tls, NULL) < 0 || tls_warm_thread() < 0)
		log_message(LOG_PRIORITY_NOTICE,
		    "OpenSSL cannot be made ready ahead of sessions, with its "
		    "configuration as it is; each does that itself");
	(void)gethostent(); /* reads files only; no name server is asked for a list */
	endhostent();
	(void)getgrnam(SETTINGS_CLIENTS_GROUP); /* whether it is there is not the point */
}

/*
 * The sessions inherit it, and what they cannot have in addition is said once for all of
 * them here.
 */
static void confine(struct parent *p)
{
	_cleanup_free_ char *lacking = NULL;
	int r;

	r = confine_probe(&lacking);
	if (r == 0)
		r = confine_parent(&lacking);
	if (r == 0)
		return;
	p->request.lack_is_known = true;
	log_message(LOG_PRIORITY_WARNING,
	    "sessions run without some of their walls: %s (RequireSandbox=)",
	    lacking ? lacking : strerror(-r));
}

static int open_epolls(struct parent *p)
{
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0)
		return -errno;
	p->listening = epoll_create1(EPOLL_CLOEXEC);
	return p->listening < 0
		   ? -errno
		   : forking_watch(p->epoll, p->listening, (uint64_t)p->listening);
}

static int make_room(struct parent *p)
{
	forking_keep_reserve(p); /* it may be had later, if not now */
	return children_init(&p->children, p->options->sessions_max);
}

int forking_open(struct parent *p, struct listen_fds *sockets, const char **ret_step)
{
	static const struct {
		const char *what;
		int (*open)(struct parent *p);
	} steps[] = {
	    {"watch descriptors", open_epolls},
	    {"make room for so many sessions", make_room},
	    {"receive signals", open_signals},
	    {"watch the sessions of an earlier process", open_left_over},
	};
	int r;

	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		*ret_step = steps[i].what;
		r = steps[i].open(p);
		if (r < 0)
			return r;
	}
	warm_up();
	confine(p);
	*ret_step = "watch the sockets";
	return open_listeners(p, sockets);
}
