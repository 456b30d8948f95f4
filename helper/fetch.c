/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only user of libcurl, with fetch-options.c and fetch-dial.c. Its buffers are wiped by
 * the allocator it is given. It judges no reply: token-reply.c does.
 */

#include "fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "fetch-private.h"
#include "secret-memory.h"

/* The status of a proxy that wants to be asked with other credentials (RFC 9110 15.5.8). */
#define PROXY_AUTHENTICATION_REQUIRED 407

static void fetch_unlink(struct fetch *f)
{
	if (f->previous)
		f->previous->next = f->next;
	else if (f->fetcher->first == f)
		f->fetcher->first = f->next;
	if (f->next)
		f->next->previous = f->previous;
}

void fetch_end_transfer(struct fetch *f)
{
	if (f->easy) {
		curl_loop_remove(f->fetcher->loop, f->easy);
		curl_easy_cleanup(f->easy);
	}
	f->easy = NULL;
	fetch_lists_done(&f->lists);
}

/* Ends all that goes on and forgets what was borrowed. */
static void fetch_end(struct fetch *f)
{
	fetch_end_transfer(f);
	f->tunnel = tunnel_free(f->tunnel);
	if (f->fd >= 0)
		(void)close(f->fd); /* nothing of ours is on its way */
	f->fd = -1;
	f->silence = sd_event_source_disable_unref(f->silence);
}

static struct fetch *fetch_free(struct fetch *f)
{
	if (!f)
		return NULL;
	fetch_unlink(f);
	fetch_end(f);
	secret_done(&f->body);
	free(f);
	return NULL;
}

void fetch_means_done(struct fetch_means *m)
{
	secret_done(&m->anchors);
	secret_done(&m->certificate);
	secret_done(&m->key);
	free(m->proxy_host);
	secret_done(&m->jwt);
	secret_done(&m->service_token);
	*m = (struct fetch_means){0};
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
	uint64_t until = deadline_in(f->request->read_timeout_usec);

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
	((struct fetch *)userdata)->was_sent = true;
	watch_silence(userdata);
	return CURL_PREREQFUNC_OK;
}

static size_t reply_max(const struct fetch *f)
{
	return f->request->instance ? FETCH_DESTINATION_MAX : FETCH_REPLY_MAX;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *userdata)
{
	struct fetch *f = userdata;

	f->too_long = n > reply_max(f) - f->body.len;
	if (f->too_long || secret_append(&f->body, bytes, size * n) < 0)
		return 0; /* ends the transfer */
	watch_silence(f);
	return size * n;
}

/* libcurl keeps each trailer of a body in chunks, however many come (7.88). */
static size_t on_header(char *bytes, size_t size, size_t n, void *userdata)
{
	struct fetch *f = userdata;

	(void)bytes;
	f->head_len += size * n;
	return f->head_len > FETCH_HEAD_MAX ? 0 : size * n; /* 0 ends the transfer */
}

static const char *failure_of(const struct fetch *f, CURLcode code)
{
	if (code == CURLE_OK)
		return NULL;
	if (f->head_len > FETCH_HEAD_MAX)
		return "the reply's headers are longer than 64 KiB";
	if (f->too_long)
		return f->request->instance ? "the reply is longer than 256 KiB"
					    : "the reply is longer than 64 KiB";
	if (f->silent)
		return f->request->instance
			   ? "the Destination service timed out: it is connected and "
			     "says nothing"
			   : "the token service timed out: it is connected and says "
			     "nothing";
	return f->failure[0] ? f->failure : curl_easy_strerror(code);
}

/* libcurl's words may be the other side's, the name in its certificate, say. */
static const char *mask_failure(
    const struct fetch *f, const char *failure, struct secret *out)
{
	if (secret_puts(out, failure) < 0)
		return "out of memory";
	token_request_mask(f->request, out);
	return secret_str(out);
}

/* Tells how it ended, when libcurl has let go of what was borrowed, and frees. */
static void tell(struct fetch *f, struct fetch_reply *reply)
{
	_cleanup_secret_ struct secret failure = {0};

	if (reply->failure)
		reply->failure = mask_failure(f, reply->failure, &failure);
	reply->request = f->request;
	reply->was_sent = f->was_sent && !reply->jwt_refused;
	reply->body = f->body.data;
	reply->len = f->body.len;
	reply->slept_usec = (uint64_t)MAX_OF(deadline_slept() - f->slept_before_usec, 0);
	fetch_end(f);
	f->fetcher->done(f->fetcher->userdata, f->context, reply);
	fetch_free(f);
}

static void finish(struct fetch *f, CURLcode code)
{
	struct fetch_reply reply = {.failure = failure_of(f, code),
	    .may_repeat = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
			  code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE};
	curl_off_t retry_after_sec = 0;

	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &reply.http_status);
	(void)curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &retry_after_sec);
	if (retry_after_sec > 0)
		reply.retry_after_usec =
		    (uint64_t)MIN_OF(retry_after_sec, INT32_MAX) * USEC_PER_SEC;
	if (!reply.failure && f->request->route == TOKEN_ROUTE_HTTP_PROXY &&
	    reply.http_status == PROXY_AUTHENTICATION_REQUIRED) {
		reply.jwt_refused = true;
		reply.failure =
		    "the Connectivity proxy refused our token (HTTP status 407)";
	}
	tell(f, &reply);
}

void fetch_fail(struct fetch *f, int error, const char *why)
{
	struct fetch_reply reply = {.failure = why, .jwt_refused = error == -EKEYEXPIRED};

	tell(f, &reply);
}

static uint64_t left_usec(uint64_t until)
{
	uint64_t now = deadline_now();

	return until > now ? until - now : 0;
}

int fetch_begin_transfer(struct fetch *f)
{
	f->easy = curl_easy_init();
	if (!f->easy)
		return -ENOMEM;
	(void)curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	(void)curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->failure);
	return fetch_options_set_common(
	    f->easy, left_usec(f->connect_until_usec), left_usec(f->until_usec));
}

int fetch_start_request(struct fetch *f)
{
	int r;

	f->is_dialling = false;
	r = fetch_begin_transfer(f);
	if (r < 0)
		return r;
	(void)curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	(void)curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
	(void)curl_easy_setopt(f->easy, CURLOPT_PREREQFUNCTION, on_connected);
	(void)curl_easy_setopt(f->easy, CURLOPT_PREREQDATA, f);
	if (f->fd >= 0)
		fetch_dial_lend(f);
	r = fetch_options_set_request(f->easy, f->request, f->means, &f->lists);
	return r < 0 ? r : curl_loop_add(f->fetcher->loop, f->easy);
}

static void on_transfer(CURL *easy, CURLcode code)
{
	struct fetch *f = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&f);
	if (f->is_dialling && code == CURLE_OK)
		fetch_dial_done(f);
	else
		finish(f, code);
}

struct fetcher *fetcher_free(struct fetcher *f)
{
	if (!f)
		return NULL;
	while (f->first)
		fetch_free(f->first);
	curl_loop_free(f->loop);
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
	/* libcurl would write the keys of all connections to the file that it names */
	if (unsetenv("SSLKEYLOGFILE") < 0)
		return -errno;
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, secret_memory_free,
		secret_memory_realloc, strdup, calloc) != CURLE_OK)
		return -ENOMEM;
	r = curl_loop_new(event, on_transfer, &f->loop);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

int fetch_start(struct fetcher *fetcher, const struct token_request *request,
    const struct fetch_means *means, void *context)
{
	_cleanup_(fetch_freep) struct fetch *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	*f = (struct fetch){.fetcher = fetcher,
	    .fd = -1,
	    .request = request,
	    .means = means,
	    .connect_until_usec = deadline_in(request->connect_timeout_usec),
	    .until_usec = deadline_in(request->timeout_usec),
	    .slept_before_usec = deadline_slept(),
	    .context = context};
	f->next = fetcher->first;
	if (f->next)
		f->next->previous = f;
	fetcher->first = f;
	r = request->route == TOKEN_ROUTE_SOCKS5 ? fetch_dial(f) : fetch_start_request(f);
	if (r < 0)
		return r;
	(void)TAKE_PTR(f);
	return 0;
}
