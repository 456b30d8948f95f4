/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of sessions, and how all of it begins and ends. One timer every few seconds
 * closes those that keep us waiting and tells the service manager how we are.
 */

#include "server-private.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>

#include "deadline.h"
#include "status.h"

#define TICK_USEC (2 * USEC_PER_SEC)
/* Descriptors that sessions leave for files, fetches and the rest. */
#define DESCRIPTORS_RESERVED_MIN 32
#define DRAIN_STEP_USEC (20 * USEC_PER_MSEC)

static void on_closed(struct session_host *host, struct session *session)
{
	struct server *s = (struct server *)host;

	*(session->previous ? &session->previous->next : &s->first) = session->next;
	if (session->next)
		session->next->previous = session->previous;
	s->stats.sessions--;
	session_free(session);
}

struct server *server_free(struct server *s)
{
	if (!s)
		return NULL;
	while (s->first)
		on_closed(&s->host, s->first);
	for (unsigned i = 0; i < s->n_listeners; i++)
		sd_event_source_disable_unref(s->listeners[i]);
	sd_event_source_disable_unref(s->tick);
	sd_event_source_disable_unref(s->pause);
	sd_event_source_disable_unref(s->drain);
	if (s->outbox)
		outbox_insist(s->outbox);
	broker_free(s->host.broker);
	outbox_free(s->outbox);
	tls_sessions_free(s->host.tls_sessions);
	flood_free(s->host.logins);
	sd_event_unref(s->event);
	free(s->status);
	free(s);
	return NULL;
}

static void server_freep(struct server **s)
{
	server_free(*s);
}

struct store *server_store(const struct server *s)
{
	return broker_store(s->host.broker);
}

void server_restore(struct server *s)
{
	broker_restore(s->host.broker);
}

/* What could not be told is told the next time. */
static void tell_status(struct server *s)
{
	_cleanup_free_ char *text = status_line(&s->host);

	if (!text || (s->status && strcmp(s->status, text) == 0) ||
	    outbox_send(s->outbox, text, -1) < 0)
		return;
	free(s->status);
	s->status = TAKE_PTR(text);
}

static void close_overdue(struct server *s)
{
	uint64_t now = deadline_now();
	struct session *next;

	for (struct session *session = s->first; session; session = next) {
		next = session->next;
		if (session->deadline_usec <= now)
			on_closed(&s->host, session);
	}
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *s = userdata;

	(void)usec;
	close_overdue(s);
	tls_sessions_expire(s->host.tls_sessions, deadline_boottime());
	tell_status(s);
	return sd_event_source_set_time_relative(source, TICK_USEC);
}

int server_tell_ready(struct server *s)
{
	return outbox_post(s->outbox, "READY=1");
}

static bool is_quiet(const struct server *s)
{
	for (const struct session *session = s->first; session; session = session->next)
		if (!session_is_idle(session))
			return false;
	return true;
}

/* Whether all is done, or has had its time. */
static bool may_end(const struct server *s)
{
	uint64_t now = deadline_now();

	if (broker_is_redeeming(s->host.broker) &&
	    now < s->drain_until_usec - SERVER_DRAIN_USEC + SERVER_DRAIN_REDEEMING_USEC)
		return false;
	return is_quiet(s) || now >= s->drain_until_usec;
}

static int on_drain(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *s = userdata;

	(void)usec;
	if (may_end(s))
		return sd_event_exit(s->event, 0);
	return sd_event_source_set_time_relative(source, DRAIN_STEP_USEC);
}

int server_drain(struct server *s)
{
	int r;

	if (s->drain_until_usec > 0)
		return 0;
	s->drain_until_usec = deadline_in(SERVER_DRAIN_USEC);
	server_stop_accepting(s);
	r = sd_event_source_set_enabled(s->drain, SD_EVENT_ON);
	if (outbox_post(s->outbox, "STOPPING=1") < 0)
		return r; /* without memory; it sees us end all the same */
	return r;
}

static int add_timers(struct server *s)
{
	int r;

	r = sd_event_add_time_relative(
	    s->event, &s->tick, CLOCK_MONOTONIC, 0, TICK_USEC / 2, on_tick, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->tick, SD_EVENT_ON);
	if (r >= 0)
		r = server_add_pause(s);
	if (r >= 0)
		r = sd_event_add_time_relative(
		    s->event, &s->drain, CLOCK_MONOTONIC, 0, 1, on_drain, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->drain, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

/* What the limit on descriptors allows, at most SERVER_SESSIONS_MAX. */
static unsigned find_sessions_max(void)
{
	struct rlimit limit;
	rlim_t reserved;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return SERVER_SESSIONS_MAX;
	reserved = MAX_OF(limit.rlim_cur / 8, (rlim_t)DESCRIPTORS_RESERVED_MIN);
	if (limit.rlim_cur <= reserved)
		return 1;
	return (unsigned)MIN_OF(limit.rlim_cur - reserved, (rlim_t)SERVER_SESSIONS_MAX);
}

int server_new(sd_event *event, const struct broker_folders *folders, struct server **ret)
{
	_cleanup_(server_freep) struct server *s = calloc(1, sizeof(*s));
	const struct passwd *handler = getpwnam("maildest");
	int r;

	if (!s)
		return -ENOMEM;
	s->event = sd_event_ref(event);
	s->stats.started_usec = deadline_boottime();
	s->handler_uid = handler ? handler->pw_uid : geteuid();
	s->sessions_max = find_sessions_max();
	s->host.sessions_max =
	    MIN_OF(s->sessions_max, (unsigned)SERVER_SESSIONS_OF_USER_MAX);
	s->host.stats = &s->stats;
	s->host.closed = on_closed;
	r = outbox_new(event, &s->outbox);
	if (r == 0)
		r = broker_new(event, folders, &s->stats, s->outbox, &s->host.broker);
	if (r == 0)
		r = tls_sessions_new(&s->host.tls_sessions);
	if (r == 0)
		r = flood_new(&s->host.logins);
	if (r == 0)
		r = add_timers(s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}
