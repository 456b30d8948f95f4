/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect, and how many. The kernel tells who it is (SO_PEERCRED): root, our own
 * user and the handlers' user "maildest" may; nobody else gets a byte.
 */

#include "server-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "deadline.h"
#include "report.h"

#define ACCEPTS_A_TURN 64
#define PAUSE_USEC (200 * USEC_PER_MSEC)
/* Anybody on the host can be refused as often as he likes; the journal need not hear each time. */
#define REFUSAL_RECORD_USEC (1 * USEC_PER_SEC)

static void refuse(struct server *s, uid_t uid, pid_t pid, const char *reason)
{
	uint64_t now = deadline_now();

	s->stats.refused_connections++;
	if (s->refusal_recorded_usec > 0 &&
	    now < s->refusal_recorded_usec + REFUSAL_RECORD_USEC)
		return;
	s->refusal_recorded_usec = now;
	report_peer(uid, pid, reason);
}

static unsigned count_sessions_of(const struct server *s, uid_t uid)
{
	unsigned n = 0;

	for (const struct session *session = s->first; session; session = session->next)
		n += session->uid == uid;
	return n;
}

static const char *find_objection(const struct server *s, uid_t uid)
{
	if (uid != 0 && uid != geteuid() && uid != s->handler_uid)
		return "this user may not ask for tokens";
	if (uid != 0 && count_sessions_of(s, uid) >= SERVER_SESSIONS_OF_USER_MAX)
		return "too many connections of this user";
	return NULL;
}

static int admit(struct server *s, int fd)
{
	_cleanup_close_ int owned = fd;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct session *session;
	const char *objection;
	int r;

	if (getsockopt(owned, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	objection = find_objection(s, peer.uid);
	if (objection) {
		refuse(s, peer.uid, peer.pid, objection);
		return 0;
	}
	r = session_new(s->event, &s->host, TAKE_FD(owned), peer.uid, peer.pid, &session);
	if (r < 0)
		return r;
	session->next = s->first;
	if (s->first)
		s->first->previous = session;
	s->first = session;
	s->stats.sessions++;
	return 0;
}

static void set_listening(struct server *s, int enabled)
{
	for (unsigned i = 0; i < s->n_listeners; i++)
		/* known states */
		(void)sd_event_source_set_enabled(s->listeners[i], enabled);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *s = userdata;

	(void)source;
	(void)usec;
	set_listening(s, SD_EVENT_ON);
	return 0;
}

/* As many as we can carry: whoever waits in the backlog can wait a little longer. */
static void pause_accepting(struct server *s)
{
	if (sd_event_source_set_time_relative(s->pause, PAUSE_USEC) < 0 ||
	    sd_event_source_set_enabled(s->pause, SD_EVENT_ONESHOT) < 0)
		return;
	set_listening(s, SD_EVENT_OFF);
}

static int on_listener(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct server *s = userdata;
	int peer;

	(void)source;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		if (s->stats.sessions >= s->sessions_max) {
			pause_accepting(s);
			break;
		}
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (peer < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (peer < 0) {
			if (errno != EAGAIN)
				pause_accepting(s);
			break;
		}
		if (admit(s, peer) < 0) {
			pause_accepting(s);
			break;
		}
	}
	return 0;
}

int server_listen(struct server *s, int fd)
{
	_cleanup_close_ int owned = fd;
	sd_event_source *source;
	int r;

	if (s->n_listeners == SERVER_LISTENERS_MAX)
		return -E2BIG;
	r = sd_event_add_io(s->event, &source, fd, EPOLLIN, on_listener, s);
	if (r < 0)
		return r;
	/* fails for other kinds only */
	(void)sd_event_source_set_io_fd_own(source, true);
	(void)TAKE_FD(owned);
	s->listeners[s->n_listeners++] = source;
	return 0;
}

int server_add_pause(struct server *s)
{
	int r;

	r = sd_event_add_time_relative(
	    s->event, &s->pause, CLOCK_MONOTONIC, 0, 1, on_pause_over, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->pause, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void server_stop_accepting(struct server *s)
{
	(void)sd_event_source_set_enabled(s->pause, SD_EVENT_OFF); /* a known state */
	set_listening(s, SD_EVENT_OFF);
}
