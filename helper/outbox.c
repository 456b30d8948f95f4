/* SPDX-License-Identifier: Apache-2.0 */
/* A list of messages, a timer to try it again, and one for the watchdog. */

#include "outbox.h"

#include <errno.h>
#include <string.h>

#include "notify.h"

/* While the manager is busy; and while it cannot be reached: it may be starting anew. */
#define RETRY_BUSY_USEC (100 * USEC_PER_MSEC)
#define RETRY_USEC (1 * USEC_PER_SEC)
/* Between two attempts once we insist. */
#define INSIST_STEP_USEC (10 * USEC_PER_MSEC)

struct message {
	struct message *next;
	char text[];
};

struct outbox {
	struct message *first;
	sd_event_source *retry, *watchdog;
	uint64_t watchdog_usec;
	uint64_t insist_until_usec; /* CLOCK_MONOTONIC; 0 as long as nothing waits */
};

static int try(const struct outbox *o, const char *text, int fd)
{
	int r;

	for (;;) {
		r = notify_send(text, fd);
		if (r != -EAGAIN || deadline_now() >= o->insist_until_usec)
			return r;
		r = deadline_poll(NULL, 0, deadline_in(INSIST_STEP_USEC));
		if (r != -ETIMEDOUT)
			return r < 0 ? r : -EAGAIN;
	}
}

static void arm(struct outbox *o, int error)
{
	uint64_t usec = error == -EAGAIN ? RETRY_BUSY_USEC : RETRY_USEC;

	/* a timer that exists can be set */
	(void)sd_event_source_set_time_relative(o->retry, usec);
	(void)sd_event_source_set_enabled(o->retry, SD_EVENT_ONESHOT);
}

/* Sends what waits, in its order: 0 if nothing does any more, or -errno. */
static int flush(struct outbox *o)
{
	struct message *m;
	int r;

	while ((m = o->first)) {
		r = try(o, m->text, -1);
		if (r < 0 && r != -ENOTCONN) { /* with nobody to tell, it is done */
			arm(o, r);
			return r;
		}
		o->first = m->next;
		free(m);
	}
	return 0;
}

int outbox_send(struct outbox *o, const char *text, int fd)
{
	int r = flush(o);

	return r < 0 ? r : try(o, text, fd);
}

static int append(struct outbox *o, const char *text)
{
	const size_t size = strlen(text) + 1;
	struct message *m = malloc(sizeof(*m) + size), **end;

	if (!m)
		return -ENOMEM;
	m->next = NULL;
	memcpy(m->text, text, size);
	for (end = &o->first; *end; end = &(*end)->next)
		;
	*end = m;
	return 0;
}

int outbox_post(struct outbox *o, const char *text)
{
	int r = outbox_send(o, text, -1);

	if (r == 0 || r == -ENOTCONN)
		return 0;
	arm(o, r);
	return append(o, text);
}

void outbox_insist(struct outbox *o)
{
	o->insist_until_usec = deadline_in(OUTBOX_INSIST_USEC);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	(void)flush(userdata); /* comes back by itself */
	return 0;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
	const struct outbox *o = userdata;
	bool is_busy = notify_send("WATCHDOG=1", -1) == -EAGAIN;

	(void)usec;
	return sd_event_source_set_time_relative(source,
	    is_busy ? MIN_OF(o->watchdog_usec, RETRY_BUSY_USEC) : o->watchdog_usec);
}

/* Ahead of all else that is to be done, however much that is. */
static int add_watchdog(sd_event *event, struct outbox *o)
{
	int r;

	o->watchdog_usec = notify_watchdog_usec();
	if (o->watchdog_usec == 0)
		return 0;
	r = sd_event_add_time_relative(event, &o->watchdog, CLOCK_MONOTONIC,
	    o->watchdog_usec, o->watchdog_usec / 4, on_watchdog, o);
	if (r >= 0)
		r = sd_event_source_set_enabled(o->watchdog, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_priority(
		    o->watchdog, SD_EVENT_PRIORITY_IMPORTANT);
	return r;
}

struct outbox *outbox_free(struct outbox *o)
{
	struct message *m;

	if (!o)
		return NULL;
	sd_event_source_disable_unref(o->watchdog);
	if (o->retry)
		(void)flush(o); /* the last attempt */
	sd_event_source_disable_unref(o->retry);
	while ((m = o->first)) {
		o->first = m->next;
		free(m);
	}
	free(o);
	return NULL;
}

static void outbox_freep(struct outbox **o)
{
	outbox_free(*o);
}

int outbox_new(sd_event *event, struct outbox **ret)
{
	_cleanup_(outbox_freep) struct outbox *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	r = sd_event_add_time_relative(
	    event, &o->retry, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_retry, o);
	if (r >= 0)
		r = sd_event_source_set_enabled(o->retry, SD_EVENT_OFF);
	if (r >= 0)
		r = add_watchdog(event, o);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}
