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
#include "errand.h"
#include "flood.h"
#include "log.h"
#include "lookup.h"
#include "outcome.h"
#include "reason.h"
#include "redeem.h"
#include "remote.h"
#include "report.h"
#include "rotation.h"
#include "turns.h"

struct broker {
	const char *config_dir;
	struct lookup_places places;
	struct remote *remote;
	struct stats *stats;
	struct cache *cache;
	struct store *store;
	struct rotation *rotation;
	struct flood *flood;
	struct turns *turns;
	struct errands *errands;
	sd_event_source *timer; /* CLOCK_BOOTTIME: renewals and ends of life */
	char *why;		/* the reason of the last look-up that failed */
	char *last_failure;
};

struct broker *broker_free(struct broker *b)
{
	if (!b)
		return NULL;
	errands_free(b->errands);
	remote_free(b->remote);
	turns_free(b->turns);
	rotation_free(b->rotation);
	store_free(b->store);
	cache_free(b->cache);
	flood_free(b->flood);
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

const char *broker_config_dir(const struct broker *b)
{
	return b->config_dir;
}

const struct lookup_places *broker_places(const struct broker *b)
{
	return &b->places;
}

struct remote *broker_remote(const struct broker *b)
{
	return b->remote;
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
	rotation_resume(b->rotation);
	arm_timer(b);
}

/* Records that could not be written are nowhere else. */
static void keep_unsaved(struct broker *b)
{
	if (cache_next_unsaved(b->cache, NULL))
		store_hurry(b->store);
}

/*
 * After a change, which is kept before anybody hears of it. Each waiter gets `answer`, or
 * without one what the entry has to say.
 */
static void tell_waiters(
    struct broker *b, struct cache_entry *e, const struct cache_answer *answer)
{
	uint64_t now = deadline_boottime();
	struct cache_answer own;
	struct cache_waiter *w;

	keep_unsaved(b);
	store_update(b->store);
	while ((w = cache_take_waiter(e, now, &own)))
		w->answer(w, answer ? answer : &own);
	arm_timer(b);
}

static void answer_waiters(struct broker *b, struct cache_entry *e)
{
	tell_waiters(b, e, NULL);
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

/* The reason as it may be told; libcurl and file names may say anything. Borrowed. */
static const char *tell_failure(struct broker *b, const struct cache_entry *e,
    const struct failure *f, struct secret *escaped)
{
	const struct binding *binding = cache_entry_binding(e);
	const char *reason = "out of memory";

	/* what is escaped already stays as it is */
	if (log_escape(escaped, f->reason, strlen(f->reason)) == 0)
		reason = secret_str(escaped);
	report_fetch_failed(binding, f->host, f->http_status, f->error, reason);
	note_failure(b, binding->destination, reason);
	return reason;
}

static void settle_failure(
    struct broker *b, struct cache_entry *e, const struct failure *f)
{
	_cleanup_secret_ struct secret escaped = {0};
	const char *reason = tell_failure(b, e, f, &escaped);

	cache_settle_failure(b->cache, e, f->verdict, f->error, reason,
	    f->retry_after_usec, deadline_boottime());
	answer_waiters(b, e);
}

/* Nobody knows what has become of a code: who waits may think so too, who comes later not. */
static void settle_lost_code(
    struct broker *b, struct cache_entry *e, const struct failure *f)
{
	_cleanup_secret_ struct secret escaped = {0};
	struct cache_answer answer = {.verdict = CACHE_UNAVAILABLE};

	answer.reason = tell_failure(b, e, f, &escaped);
	cache_settle_failure(b->cache, e, CACHE_REFUSED, INVALID_GRANT,
	    "the code has been sent to the token service and its answer was lost; the "
	    "client needs a new code",
	    CACHE_CODE_REFUSAL_USEC, deadline_boottime());
	tell_waiters(b, e, &answer);
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
	if (reply->request->grant == GRANT_REFRESH_TOKEN)
		cache_accept(b->cache, e, deadline_boottime());
	if (r > 0)
		report_recovered(cache_entry_binding(e), reply->request->host);
	if (reply->request->grant == GRANT_AUTHORIZATION_CODE)
		store_hurry(b->store); /* its code is spent: nothing brings it again */
	answer_waiters(b, e);
}

static void on_fetched(void *userdata, void *context, const struct fetch_reply *reply,
    enum cache_verdict failure)
{
	struct broker *b = userdata;
	struct cache_entry *e = context;
	_cleanup_token_reply_ struct token_reply token = {.kind = TOKEN_REPLY_TEMPORARY};
	struct failure f = {
	    .verdict = failure, .host = reply->request->host, .reason = reply->failure};
	bool has_token = !reply->failure && outcome_judge(reply, &token, &f);
	enum redeemed redeemed = REDEEMED;

	if (grant_field(reply->request->grant)) {
		redeemed = redeem_settle(b->rotation, e, reply, &token);
		turns_end(b->turns, e);
	}
	if (has_token)
		settle_token(b, e, reply, &token);
	else if (redeemed == REDEEM_LOST)
		settle_lost_code(b, e, &f);
	else
		settle_failure(b, e, &f);
}

/* A used code that left nothing: the token it brought serves until that expires. */
static bool serve_used_code(struct broker *b, struct cache_entry *e)
{
	uint64_t now = deadline_boottime();

	if (cache_entry_is_valid(e, now))
		cache_drop_fetch(e);
	else if (cache_settle_shared(b->cache, e, now) < 0)
		return false;
	answer_waiters(b, e);
	return true;
}

static void send_request(
    struct broker *b, struct cache_entry *e, struct token_request *request)
{
	const struct errand_order order = {.binding = cache_entry_binding(e),
	    .done = on_fetched,
	    .userdata = b,
	    .context = e};

	errand_start(b->errands, &order, request);
}

/* The entry's turn has come: puts in the client's credential, or what replaced it. */
static void on_turn(
    struct broker *b, struct cache_entry *e, struct token_request *request, int error)
{
	_cleanup_free_ char *why = NULL;
	struct failure f;
	int r = error;

	if (r == -EBUSY)
		r = reason_set(&why, r,
		    "the credential is still being presented for another destination");
	if (r == 0)
		r = redeem_prepare(b->rotation, &b->places, e, request, &why);
	if (r == 0) {
		keep_unsaved(b); /* that a code is posted now */
		send_request(b, e, request);
		return;
	}
	turns_end(b->turns, e);
	if (r == -EKEYREVOKED && serve_used_code(b, e))
		return;
	f = outcome_of_credential(r, why);
	settle_failure(b, e, &f);
}

/* Starts the fetch of an entry that is marked as fetching; settles it if that fails. */
static void start_fetch(
    struct broker *b, struct cache_entry *e, struct token_request *request)
{
	if (grant_field(request->grant))
		turns_take(b->turns, e, request);
	else
		send_request(b, e, request);
}

/* Finds the request that the binding now stands for: 0 or -errno; b->why tells the reason. */
static int look_up(struct broker *b, const struct binding *binding,
    const char *credential, struct token_request *ret_request, struct cache_key *ret_key)
{
	free(b->why);
	b->why = NULL;
	return lookup_request(
	    &b->places, binding, credential, ret_request, ret_key, &b->why);
}

/* What a failed look-up comes to: an answer, or -ENOMEM. */
static int answer_invalid(struct broker *b, int error, struct cache_answer *ret)
{
	if (error == -ENOMEM || !b->why)
		return -ENOMEM;
	*ret = (struct cache_answer){.reason = b->why,
	    .verdict = lookup_is_shortage(error) ? CACHE_UNAVAILABLE
						 : CACHE_DESTINATION_INVALID};
	return 0;
}

/* Whether nobody can tell the credential from one made up, and too many of these have come. */
static bool is_flood(struct broker *b, const struct cache_key *key, uint64_t now)
{
	return cache_is_stranger(b->cache, key, now) &&
	       !rotation_knows(b->rotation, key) &&
	       !flood_admit(b->flood, key->owner, now);
}

int broker_ask(struct broker *b, const struct broker_question *q, struct cache_waiter *w,
    struct cache_answer *ret)
{
	_cleanup_token_request_ struct token_request request = {0};
	uint64_t now = deadline_boottime();
	struct cache_entry *fetch;
	struct cache_key key;
	int r;

	r = look_up(b, q->binding, q->credential, &request, &key);
	if (r < 0)
		return answer_invalid(b, r, ret);
	if (!grant_field(request.grant) != !q->credential) {
		*ret = (struct cache_answer){.verdict = CACHE_CREDENTIAL_MISFIT};
		return 0;
	}
	if (q->credential && is_flood(b, &key, now)) {
		*ret = (struct cache_answer){.verdict = CACHE_FULL,
		    .reason =
			"too many credentials that nobody knows have been tried for "
			"this destination within a minute"};
		return 0;
	}
	if (q->rejected_sha256)
		r = cache_reject(
		    b->cache, &key, q->binding, q->rejected_sha256, now, w, ret, &fetch);
	else
		r = cache_get(
		    b->cache, &key, q->binding, q->minimum_usec, now, w, ret, &fetch);
	if (r == 0 && q->credential)
		cache_keep_credential(b->cache, &key, q->credential);
	store_update(b->store);
	if (r < 0 || !fetch)
		return r;
	/* a fetch that fails at once changes what these are borrowed from */
	ret->error = ret->reason = NULL;
	start_fetch(b, fetch, &request);
	return 0;
}

/* Renews one token, unless its destination is no longer what it was fetched for. */
static void renew(struct broker *b, struct cache_entry *e)
{
	const struct secret *credential = cache_entry_credential(e);
	_cleanup_token_request_ struct token_request request = {0};
	struct cache_key key;

	if (look_up(b, cache_entry_binding(e),
		credential->len > 0 ? credential->data : NULL, &request, &key) < 0 ||
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

int broker_new(sd_event *event, const struct broker_folders *folders, struct stats *stats,
    struct outbox *outbox, struct broker **ret)
{
	_cleanup_(broker_freep) struct broker *b = calloc(1, sizeof(*b));
	uint64_t seed = 0;
	int r;

	if (!b)
		return -ENOMEM;
	b->config_dir = folders->config_dir;
	b->stats = stats;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = deadline_boottime(); /* it spreads load, no more */
	r = cache_new(seed, &b->cache);
	if (r == 0)
		r = store_new(event, b->cache, outbox, &b->store);
	if (r == 0)
		r = flood_new(&b->flood);
	if (r == 0)
		r = rotation_new(event, b->cache, folders->state_dir, &b->rotation);
	if (r < 0)
		return r;
	r = turns_new(event, b, on_turn, &b->turns);
	if (r == 0)
		r = errands_new(event, b->config_dir, stats, b, &b->errands);
	if (r == 0)
		r = remote_new(b->config_dir, b->errands, &b->remote);
	if (r < 0)
		return r;
	b->places =
	    (struct lookup_places){.config_dir = b->config_dir, .remote = b->remote};
	r = sd_event_add_time(
	    event, &b->timer, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_SEC, on_timer, b);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(b);
	return 0;
}

bool broker_is_redeeming(const struct broker *b)
{
	return cache_is_redeeming(b->cache);
}

void broker_forget(struct broker *b, const char *destination, const char *tenant,
    unsigned *ret_tokens, unsigned *ret_rotations)
{
	struct cache_entry *e = NULL;

	*ret_tokens = *ret_rotations = 0;
	remote_forget(b->remote, destination, tenant);
	while ((e = cache_next_of(b->cache, e, destination, tenant))) {
		if (cache_is_client_free(b->cache, e) &&
		    rotation_knows(b->rotation, cache_entry_key(e))) {
			rotation_forget(b->rotation, e);
			++*ret_rotations;
		}
	}
	*ret_tokens = cache_forget(b->cache, destination, tenant);
	store_update(b->store);
	arm_timer(b);
}
