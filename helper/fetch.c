/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of libcurl. Each request has a connection of its own, since libcurl
 * silently repeats a POST on a reused one that turns out to be closed. No redirects, no
 * proxy from the environment, nothing but HTTP/1.1; libcurl's buffers are wiped by the
 * allocator it is given. It judges no reply: token-reply.c does.
 */

#include "fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "anchors.h"
#include "deadline.h"
#include "secret-memory.h"

/* One request under way, in its fetcher's list. */
struct fetch {
	struct fetcher *fetcher;
	struct fetch *previous, *next;
	CURL *easy;
	struct curl_slist *headers;
	struct token_request request;
	struct secret pem;
	struct secret body;
	bool too_long, silent;
	sd_event_source *silence; /* the read time-out, from the end of connecting on */
	char failure[CURL_ERROR_SIZE];
	void *context;
};

struct fetcher {
	fetch_done_fn done;
	void *userdata;
	sd_event *event;
	sd_event_source *timer;
	CURLM *multi;
	struct fetch *first;
};

static void fetch_unlink(struct fetch *f)
{
	if (f->previous)
		f->previous->next = f->next;
	else if (f->fetcher->first == f)
		f->fetcher->first = f->next;
	if (f->next)
		f->next->previous = f->previous;
}

static struct fetch *fetch_free(struct fetch *f)
{
	if (!f)
		return NULL;
	fetch_unlink(f);
	if (f->easy) {
		(void)curl_multi_remove_handle(
		    f->fetcher->multi, f->easy); /* if it was added */
		curl_easy_cleanup(f->easy);
	}
	sd_event_source_disable_unref(f->silence);
	curl_slist_free_all(f->headers);
	token_request_done(&f->request);
	secret_done(&f->pem);
	secret_done(&f->body);
	free(f);
	return NULL;
}

static void fetch_freep(struct fetch **f)
{
	fetch_free(*f);
}

static void finish(struct fetch *f, CURLcode code);

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct fetch *f = userdata;

	(void)source;
	(void)usec;
	f->silent = true;
	finish(f, CURLE_OPERATION_TIMEDOUT);
	return 0;
}

/* Starts the read time-out anew. Without memory for it the whole request's time-out is left. */
static void watch_silence(struct fetch *f)
{
	uint64_t until = deadline_in(f->request.read_timeout_usec);

	if (f->silence) {
		(void)sd_event_source_set_time(f->silence, until);
		return;
	}
	if (sd_event_add_time(f->fetcher->event, &f->silence, CLOCK_MONOTONIC, until,
		50 * USEC_PER_MSEC, on_silence, f) < 0)
		f->silence = NULL;
}

/* libcurl is connected, TLS included, and is about to send the request. */
static int on_connected(
    void *userdata, char *peer, char *own, int peer_port, int own_port)
{
	(void)peer;
	(void)own;
	(void)peer_port;
	(void)own_port;
	watch_silence(userdata);
	return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *userdata)
{
	struct fetch *f = userdata;

	f->too_long = n > FETCH_REPLY_MAX - f->body.len;
	if (f->too_long || secret_append(&f->body, bytes, size * n) < 0)
		return 0; /* ends the transfer */
	watch_silence(f);
	return size * n;
}

static const char *failure_of(const struct fetch *f, CURLcode code)
{
	if (code == CURLE_OK)
		return NULL;
	if (f->too_long)
		return "the reply is longer than 64 KiB";
	if (f->silent)
		return "the token service timed out: it is connected and says nothing";
	return f->failure[0] ? f->failure : curl_easy_strerror(code);
}

static void finish(struct fetch *f, CURLcode code)
{
	struct fetch_reply reply = {
	    .request = &f->request, .failure = failure_of(f, code)};
	curl_off_t retry_after_sec = 0;

	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &reply.http_status);
	(void)curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &retry_after_sec);
	if (retry_after_sec > 0)
		reply.retry_after_usec =
		    (uint64_t)MIN_OF(retry_after_sec, INT32_MAX) * USEC_PER_SEC;
	reply.body = f->body.data;
	reply.len = f->body.len;
	f->fetcher->done(f->fetcher->userdata, f->context, &reply);
	fetch_free(f);
}

static void finish_all(struct fetcher *fetcher)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(fetcher->multi, &left))) {
		struct fetch *f = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		finish(f, message->data.result);
	}
}

static void act(struct fetcher *fetcher, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(fetcher->multi, fd, what, &running);
	finish_all(fetcher); /* whatever went wrong is told there, transfer by transfer */
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
	struct fetcher *f = userdata;
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
	if (sd_event_add_io(f->event, &watch, fd, events, on_io, f) < 0)
		return -1;
	(void)curl_multi_assign(f->multi, fd, watch); /* fails for unknown sockets only */
	return 0;
}

static int on_timeout(CURLM *multi, long msec, void *userdata)
{
	struct fetcher *f = userdata;

	(void)multi;
	if (msec < 0)
		return sd_event_source_set_enabled(f->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	if (sd_event_source_set_time_relative(f->timer, (uint64_t)msec * USEC_PER_MSEC) <
	    0)
		return -1;
	return sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

struct fetcher *fetcher_free(struct fetcher *f)
{
	if (!f)
		return NULL;
	while (f->first)
		fetch_free(f->first);
	if (f->multi)
		(void)curl_multi_cleanup(f->multi); /* all handles have been removed */
	sd_event_source_disable_unref(f->timer);
	sd_event_unref(f->event);
	free(f);
	return NULL;
}

static void fetcher_freep(struct fetcher **f)
{
	fetcher_free(*f);
}

int fetcher_new(sd_event *event, fetch_done_fn done, void *userdata, struct fetcher **ret)
{
	_cleanup_(fetcher_freep) struct fetcher *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->done = done;
	f->userdata = userdata;
	f->event = sd_event_ref(event);
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, secret_memory_free,
		secret_memory_realloc, strdup, calloc) != CURLE_OK)
		return -ENOMEM;
	r = sd_event_add_time_relative(
	    event, &f->timer, CLOCK_MONOTONIC, UINT64_MAX / 2, 1, on_timer, f);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	f->multi = curl_multi_init();
	if (!f->multi)
		return -ENOMEM;
	(void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	(void)curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	*ret = TAKE_PTR(f);
	return 0;
}

static int set_headers(struct fetch *f)
{
	const char *header = secret_str(&f->request.headers);
	const char *end = header + f->request.headers.len;
	struct curl_slist *more;

	for (; header < end; header += strlen(header) + 1) {
		more = curl_slist_append(f->headers, header);
		if (!more)
			return -ENOMEM;
		f->headers = more;
	}
	return curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers) == CURLE_OK
		   ? 0
		   : -ENOMEM;
}

static CURLcode set_trust(struct fetch *f)
{
	bool verify = !f->request.trust.insecure_trust_all;
	struct curl_blob blob = {.data = f->pem.data, .len = f->pem.len};
	CURLcode code = CURLE_OK;

	(void)curl_easy_setopt(f->easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	(void)curl_easy_setopt(f->easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	(void)curl_easy_setopt(
	    f->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(f->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	(void)curl_easy_setopt(f->easy, CURLOPT_CAINFO, NULL);
	code = curl_easy_setopt(f->easy, CURLOPT_CAPATH, ANCHORS_SYSTEM_FOLDER);
	if (code == CURLE_OK && f->pem.len > 0)
		code = curl_easy_setopt(f->easy, CURLOPT_CAINFO_BLOB, &blob);
	return code;
}

/* Options that cannot fail on a handle of this libcurl are not checked one by one. */
static int set_options(struct fetch *f)
{
	const struct token_request *q = &f->request;
	CURL *e = f->easy;
	CURLcode code;

	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, f);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* no waiting for a resolver */
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->failure);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
	(void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	(void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(q->connect_timeout_usec / USEC_PER_MSEC));
	(void)curl_easy_setopt(
	    e, CURLOPT_TIMEOUT_MS, (long)(q->timeout_usec / USEC_PER_MSEC));
	(void)curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connected);
	(void)curl_easy_setopt(e, CURLOPT_PREREQDATA, f);
	(void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, secret_str(&q->body));
	(void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)q->body.len);
	code = curl_easy_setopt(e, CURLOPT_URL, secret_str(&q->url));
	if (code == CURLE_OK)
		code = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	if (code == CURLE_OK)
		code = curl_easy_setopt(
		    e, CURLOPT_PROXY, ""); /* whatever the environment says */
	if (code == CURLE_OK)
		code =
		    curl_easy_setopt(e, CURLOPT_USERAGENT, "maildest/" MAILDEST_VERSION);
	if (code == CURLE_OK)
		code = set_trust(f);
	return code == CURLE_OK ? set_headers(f) : -ENOMEM;
}

int fetch_start(struct fetcher *fetcher, struct token_request *request,
    struct secret *pem, void *context)
{
	_cleanup_token_request_ struct token_request taken = *request;
	_cleanup_secret_ struct secret taken_pem = *pem;
	_cleanup_(fetch_freep) struct fetch *f = calloc(1, sizeof(*f));
	int r;

	*request = (struct token_request){0};
	*pem = (struct secret){0};
	if (!f)
		return -ENOMEM;
	*f = (struct fetch){
	    .fetcher = fetcher, .context = context, .request = taken, .pem = taken_pem};
	taken = (struct token_request){0};
	taken_pem = (struct secret){0};

	f->easy = curl_easy_init();
	if (!f->easy)
		return -ENOMEM;
	r = set_options(f);
	if (r < 0)
		return r;
	f->next = fetcher->first;
	if (f->next)
		f->next->previous = f;
	fetcher->first = f;
	if (curl_multi_add_handle(fetcher->multi, f->easy) != CURLM_OK)
		return -ENOMEM;
	(void)TAKE_PTR(f);
	return 0;
}
