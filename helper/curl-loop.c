/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl says which of its sockets to watch and when it wants to be called; sd-event
 * does so. */

#include "curl-loop.h"

#include <errno.h>
#include <sys/epoll.h>

#include "deadline.h"

struct curl_loop {
	curl_loop_done_fn done;
	sd_event *event;
	sd_event_source *timer;
	CURLM *multi;
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

static void finish_all(struct curl_loop *l)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(l->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			l->done(message->easy_handle, message->data.result);
}

static void act(struct curl_loop *l, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(l->multi, fd, what, &running);
	finish_all(l); /* whatever went wrong is told there, transfer by transfer */
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

/* libcurl tells which of its sockets to watch for what; `source` is what we gave it before. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *source)
{
	struct curl_loop *l = userdata;
	sd_event_source *watch = source;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(watch);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (watch)
		return sd_event_source_set_io_events(watch, events) < 0 ? -1 : 0;
	if (sd_event_add_io(l->event, &watch, fd, events, on_io, l) < 0)
		return -1;
	(void)curl_multi_assign(l->multi, fd, watch); /* fails for unknown sockets only */
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
	if (r < 0)
		return r;
	l->multi = curl_multi_init();
	if (!l->multi)
		return -ENOMEM;
	(void)curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	(void)curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	*ret = TAKE_PTR(l);
	return 0;
}

int curl_loop_add(struct curl_loop *l, CURL *easy)
{
	return curl_multi_add_handle(l->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void curl_loop_remove(struct curl_loop *l, CURL *easy)
{
	(void)curl_multi_remove_handle(l->multi, easy); /* if it was added */
}
