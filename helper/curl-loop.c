/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl says which of its sockets to watch and when it wants to be called; sd-event does
 * so. Without memory in some places libcurl (7.88) tells no transfer, and does not work any
 * more: it divides by the size of a table that it has given up, or refuses all that comes.
 * So whenever it says that something went wrong beyond a transfer it begins anew, with a
 * multi handle of its own making, and all transfers of the old one have failed.
 */

#include "curl-loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "deadline.h"

/* A handle that was added and not removed, in its loop's list. */
struct transfer {
	struct transfer *next;
	CURL *easy;  /* the caller's */
	bool failed; /* by what libcurl tells nobody: to be told from here */
};

struct curl_loop {
	curl_loop_done_fn done;
	sd_event *event;
	sd_event_source *timer;
	struct transfer *first;
	CURLM *multi; /* NULL: there was no memory for another; see curl_loop_add() */
};

struct curl_loop *curl_loop_free(struct curl_loop *l)
{
	if (!l)
		return NULL;
	if (l->multi)
		(void)curl_multi_cleanup(l->multi); /* all handles have been removed */
	sd_event_source_disable_unref(l->timer);
	sd_event_unref(l->event);
	free(l);
	return NULL;
}

static void curl_loop_freep(struct curl_loop **l)
{
	curl_loop_free(*l);
}

static struct transfer *find(const struct curl_loop *l, const CURL *easy)
{
	struct transfer *t = l->first;

	while (t && t->easy != easy)
		t = t->next;
	return t;
}

static struct transfer *find_failed(const struct curl_loop *l)
{
	struct transfer *t = l->first;

	while (t && !t->failed)
		t = t->next;
	return t;
}

/* Those of which libcurl says that they have ended. */
static void finish_ended(struct curl_loop *l)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(l->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			l->done(message->easy_handle, message->data.result);
}

/* Anything may be added and removed meanwhile, but each is told once only. */
static void finish_failed(struct curl_loop *l)
{
	struct transfer *t;

	while ((t = find_failed(l))) {
		t->failed = false;
		l->done(t->easy, CURLE_OUT_OF_MEMORY);
	}
}

/* The multi handle is of no use any more: it goes, and its transfers have failed. */
static void give_up(struct curl_loop *l)
{
	for (struct transfer *t = l->first; t; t = t->next) {
		(void)curl_multi_remove_handle(l->multi, t->easy); /* it is there */
		t->failed = true;
	}
	(void)curl_multi_cleanup(l->multi); /* nothing is in it */
	l->multi = NULL;
}

static void act(struct curl_loop *l, curl_socket_t fd, int what)
{
	CURLMcode code;
	int running;

	if (!l->multi)
		return;
	code = curl_multi_socket_action(l->multi, fd, what, &running);
	finish_ended(l);
	if (code != CURLM_OK)
		give_up(l);
	finish_failed(l);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	int what = 0;

	(void)s;
	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	act(userdata, fd, what);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	(void)s;
	(void)usec;
	act(userdata, CURL_SOCKET_TIMEOUT, 0);
	return 0;
}

/*
 * libcurl tells which of its sockets to watch for what; `source` is what we gave it before.
 * It could be told that this did not work, but would give up everybody's transfers then.
 */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *source)
{
	struct curl_loop *l = userdata;
	sd_event_source *watch = source;
	struct transfer *t;
	uint32_t events = 0;
	int r;

	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(watch);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (watch)
		r = sd_event_source_set_io_events(watch, events);
	else
		r = sd_event_add_io(l->event, &watch, fd, events, on_io, l);
	if (r >= 0) {
		/* fails for unknown sockets only */
		(void)curl_multi_assign(l->multi, fd, watch);
		return 0;
	}
	t = find(l, easy);
	if (!t)
		return -1;
	t->failed = true;
	return 0;
}

static int on_timeout(CURLM *multi, long msec, void *userdata)
{
	struct curl_loop *l = userdata;

	(void)multi;
	if (msec < 0)
		return sd_event_source_set_enabled(l->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	if (sd_event_source_set_time_relative(l->timer, (uint64_t)msec * USEC_PER_MSEC) <
	    0)
		return -1;
	return sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

static int new_multi(struct curl_loop *l)
{
	l->multi = curl_multi_init();
	if (!l->multi)
		return -ENOMEM;
	(void)curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	(void)curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	return 0;
}

int curl_loop_new(sd_event *event, curl_loop_done_fn done, struct curl_loop **ret)
{
	_cleanup_(curl_loop_freep) struct curl_loop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->done = done;
	l->event = sd_event_ref(event);
	r = sd_event_add_time_relative(
	    event, &l->timer, CLOCK_MONOTONIC, UINT64_MAX / 2, 1, on_timer, l);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	if (r == 0)
		r = new_multi(l);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

int curl_loop_add(struct curl_loop *l, CURL *easy)
{
	_cleanup_free_ struct transfer *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	if (!l->multi) {
		r = new_multi(l);
		if (r < 0)
			return r;
	}
	if (curl_multi_add_handle(l->multi, easy) != CURLM_OK)
		return -ENOMEM;
	t->easy = easy;
	t->next = l->first;
	l->first = TAKE_PTR(t);
	return 0;
}

void curl_loop_remove(struct curl_loop *l, CURL *easy)
{
	struct transfer **at = &l->first, *t;

	while ((t = *at) && t->easy != easy)
		at = &t->next;
	if (!t)
		return;
	*at = t->next;
	free(t);
	if (l->multi)
		/* unless it was given up */
		(void)curl_multi_remove_handle(l->multi, easy);
}
