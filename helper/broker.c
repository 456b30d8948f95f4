/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where look-up, cache and fetch meet. The cache says when to fetch; this starts the
 * fetch, feeds the outcome back, calls the waiters and keeps the one timer for renewals.
 */

#include "broker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "deadline.h"
#include "fetch.h"
#include "log.h"
#include "lookup.h"
#include "report.h"
#include "token-reply.h"

struct broker {
	const char *config_dir;
	struct stats *stats;
	struct cache *cache;
	struct store *store;
	struct fetcher *fetcher;
	sd_event_source *timer; /* CLOCK_BOOTTIME: renewals and ends of life */
	char *why;		/* the reason of the last look-up that failed */
	char *last_failure;
};

struct broker *broker_free(struct broker *b)
{
	if (!b)
		return NULL;
	fetcher_free(b->fetcher);
	store_free(b->store);
	cache_free(b->cache);
	sd_event_source_disable_unref(b->timer);
	free(b->why);
	free(b->last_failure);
	free(b);
	return NULL;
}

static void broker_freep(struct broker **b)
{
	broker_free(*b);
}

const struct cache *broker_cache(const struct broker *b)
{
	return b->cache;
}

const char *broker_last_failure(const struct broker *b)
{
	return b->last_failure;
}

/* Without the timer there is no renewal ahead of time; tokens are then fetched when asked for. */
static void arm_timer(struct broker *b)
{
	uint64_t next = cache_next_due(b->cache);

	if (next == UINT64_MAX || sd_event_source_set_time(b->timer, next) < 0)
		(void)sd_event_source_set_enabled(b->timer, SD_EVENT_OFF);
	else
		(void)sd_event_source_set_enabled(b->timer, SD_EVENT_ONESHOT);
}

struct store *broker_store(const struct broker *b)
{
	return b->store;
}

void broker_restore(struct broker *b)
{
	store_restore(b->store);
	arm_timer(b);
}

/* After a change: what must outlive us is kept before anybody hears of it. */
static void answer_waiters(struct broker *b, struct cache_entry *e)
{
	uint64_t now = deadline_boottime();
	struct cache_answer answer;
	struct cache_waiter *w;

	store_update(b->store);
	while ((w = cache_take_waiter(e, now, &answer)))
		w->answer(w, &answer);
	arm_timer(b);
}

static void note_failure(struct broker *b, const char *destination, const char *reason)
{
	char *text;

	b->stats->token_failures++;
	if (asprintf(&text, "%s: %s", destination, reason) < 0)
		return; /* the status text keeps what it had */
	free(b->last_failure);
	b->last_failure = text;
}

/* How a fetch failed, in all that is needed to remember, tell and record it. */
struct failure {
	enum cache_verdict verdict;
	const char *host; /* NULL if nobody was asked */
	long http_status; /* 0 if there was no reply */
	const char *error;
	const char *reason;
	uint64_t retry_after_usec;
};

static void settle_failure(
    struct broker *b, struct cache_entry *e, const struct failure *f)
{
	const struct binding *binding = cache_entry_binding(e);
	_cleanup_secret_ struct secret escaped = {0};
	const char *reason = "out of memory";

	/* libcurl and file names may say anything; what is escaped already stays as it is. */
	if (log_escape(&escaped, f->reason, strlen(f->reason)) == 0)
		reason = secret_str(&escaped);
	report_fetch_failed(binding, f->host, f->http_status, f->error, reason);
	note_failure(b, binding->destination, reason);
	cache_settle_failure(b->cache, e, f->verdict, f->error, reason,
	    f->retry_after_usec, deadline_boottime());
	answer_waiters(b, e);
}

static void settle_token(struct broker *b, struct cache_entry *e,
    const struct fetch_reply *reply, const struct token_reply *token)
{
	const struct failure no_memory = {.verdict = CACHE_UNAVAILABLE,
	    .host = reply->request->host,
	    .reason = "out of memory"};
	int r;

	r = cache_settle_token(
	    b->cache, e, &token->token, token->lifetime_usec, deadline_boottime());
	if (r < 0) {
		settle_failure(b, e, &no_memory);
		return;
	}
	if (r > 0)
		report_recovered(cache_entry_binding(e), reply->request->host);
	answer_waiters(b, e);
}

/* Judges a reply: true if `token` has a token now, else *f says what went wrong. */
static bool take_token(
    const struct fetch_reply *reply, struct token_reply *token, struct failure *f)
{
	f->http_status = reply->http_status;
	f->retry_after_usec = reply->retry_after_usec;
	f->reason = "out of memory";
	if (token_reply_parse(reply->http_status, reply->body, reply->len, token) < 0)
		return false;
	if (token->kind == TOKEN_REPLY_TOKEN)
		return true;
	if (token->kind == TOKEN_REPLY_REFUSED)
		f->verdict = CACHE_REFUSED;
	token_request_mask(reply->request, &token->reason);
	token_request_mask(reply->request, &token->error);
	f->reason = secret_str(&token->reason);
	f->error = token->error.data;
	return false;
}

static void on_fetched(void *userdata, void *context, const struct fetch_reply *reply)
{
	_cleanup_token_reply_ struct token_reply token = {0};
	struct failure f = {.verdict = CACHE_UNAVAILABLE,
	    .host = reply->request->host,
	    .reason = reply->failure};
	struct broker *b = userdata;
	struct cache_entry *e = context;

	if (!reply->failure && take_token(reply, &token, &f))
		settle_token(b, e, reply, &token);
	else
		settle_failure(b, e, &f);
}

/* Whether a file could not be read for want of something that is not the file's fault. */
static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -EIO;
}

/* Starts the fetch of an entry that is marked as fetching; settles it if that fails. */
static void start_fetch(
    struct broker *b, struct cache_entry *e, struct token_request *request)
{
	struct failure f = {.verdict = CACHE_UNAVAILABLE, .reason = "out of memory"};
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret pem = {0};
	int r;

	r = lookup_anchors(b->config_dir, request, &pem, &why);
	if (r < 0 && why) {
		f.verdict =
		    is_shortage(r) ? CACHE_UNAVAILABLE : CACHE_DESTINATION_INVALID;
		f.reason = why;
	}
	if (r == 0) {
		if (request->trust.insecure_trust_all)
			report_unchecked(cache_entry_binding(e), request->host);
		r = fetch_start(b->fetcher, request, &pem, e);
		b->stats->token_requests++;
	}
	if (r < 0)
		settle_failure(b, e, &f);
}

/* Finds the request that the binding now stands for: 0 or -errno; b->why tells the reason. */
static int look_up(struct broker *b, const struct binding *binding,
    struct token_request *ret_request, struct cache_key *ret_key)
{
	free(b->why);
	b->why = NULL;
	return lookup_request(b->config_dir, binding, ret_request, ret_key, &b->why);
}

/* What a failed look-up comes to: an answer, or -ENOMEM. */
static int answer_invalid(struct broker *b, int error, struct cache_answer *ret)
{
	if (error == -ENOMEM || !b->why)
		return -ENOMEM;
	*ret = (struct cache_answer){.reason = b->why,
	    .verdict =
		is_shortage(error) ? CACHE_UNAVAILABLE : CACHE_DESTINATION_INVALID};
	return 0;
}

/* A question to the cache: for a token, or, with the hash of a refused one, for another. */
static int ask(struct broker *b, const struct binding *binding, uint64_t minimum_usec,
    const char *rejected_sha256, struct cache_waiter *w, struct cache_answer *ret)
{
	_cleanup_token_request_ struct token_request request = {0};
	uint64_t now = deadline_boottime();
	struct cache_entry *fetch;
	struct cache_key key;
	int r;

	r = look_up(b, binding, &request, &key);
	if (r < 0)
		return answer_invalid(b, r, ret);
	if (rejected_sha256)
		r = cache_reject(
		    b->cache, &key, binding, rejected_sha256, now, w, ret, &fetch);
	else
		r = cache_get(b->cache, &key, binding, minimum_usec, now, w, ret, &fetch);
	store_update(b->store);
	if (r < 0 || !fetch)
		return r;
	/* a fetch that fails at once changes what these are borrowed from */
	ret->error = ret->reason = NULL;
	start_fetch(b, fetch, &request);
	return 0;
}

int broker_get(struct broker *b, const struct binding *binding, uint64_t minimum_usec,
    struct cache_waiter *w, struct cache_answer *ret)
{
	return ask(b, binding, minimum_usec, NULL, w, ret);
}

int broker_reject(struct broker *b, const struct binding *binding, const char *sha256_hex,
    struct cache_waiter *w, struct cache_answer *ret)
{
	return ask(b, binding, 0, sha256_hex, w, ret);
}

/* Renews one token, unless its destination is no longer what it was fetched for. */
static void renew(struct broker *b, struct cache_entry *e)
{
	_cleanup_token_request_ struct token_request request = {0};
	struct cache_key key;

	if (look_up(b, cache_entry_binding(e), &request, &key) < 0 ||
	    memcmp(&key, cache_entry_key(e), sizeof(key)) != 0)
		cache_drop_fetch(e);
	else
		start_fetch(b, e, &request);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct broker *b = userdata;
	struct cache_entry *e;

	(void)s;
	(void)usec;
	while ((e = cache_due(b->cache, deadline_boottime())))
		renew(b, e);
	store_update(b->store);
	arm_timer(b);
	return 0;
}

int broker_new(sd_event *event, const char *config_dir, struct stats *stats,
    struct outbox *outbox, struct broker **ret)
{
	_cleanup_(broker_freep) struct broker *b = calloc(1, sizeof(*b));
	uint64_t seed = 0;
	int r;

	if (!b)
		return -ENOMEM;
	b->config_dir = config_dir;
	b->stats = stats;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = deadline_boottime(); /* it spreads load, no more */
	r = cache_new(seed, &b->cache);
	if (r == 0)
		r = store_new(event, b->cache, outbox, &b->store);
	if (r < 0)
		return r;
	r = fetcher_new(event, on_fetched, b, &b->fetcher);
	if (r < 0)
		return r;
	r = sd_event_add_time(
	    event, &b->timer, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_SEC, on_timer, b);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(b);
	return 0;
}
