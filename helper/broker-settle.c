/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fetch comes to: it is judged, the cache learns it, it is kept, and then whoever
 * waits is told.
 */

#include "broker-private.h"

#include <string.h>

#include "deadline.h"
#include "log.h"
#include "redeem.h"
#include "report.h"
#include "text.h"

/* Without the timer there is no renewal ahead of time; tokens are then fetched when asked for. */
void broker_arm_timer(struct broker *b)
{
	uint64_t next = cache_next_due(b->cache);

	if (next == UINT64_MAX || sd_event_source_set_time(b->timer, next) < 0)
		(void)sd_event_source_set_enabled(b->timer, SD_EVENT_OFF);
	else
		(void)sd_event_source_set_enabled(b->timer, SD_EVENT_ONESHOT);
}

/* Records that could not be written are nowhere else. */
void broker_keep_unsaved(struct broker *b)
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

	broker_keep_unsaved(b);
	store_update(b->store);
	while ((w = cache_take_waiter(e, now, &own)))
		w->answer(w, answer ? answer : &own);
	broker_arm_timer(b);
}

static void answer_waiters(struct broker *b, struct cache_entry *e)
{
	tell_waiters(b, e, NULL);
}

static void note_failure(struct broker *b, const char *destination, const char *reason)
{
	char *text;

	b->stats->token_failures++;
	text = text_format("%s: %s", destination, reason);
	if (!text)
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

void broker_settle_failure(
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
	const struct failure overslept = {.verdict = CACHE_UNAVAILABLE,
	    .host = reply->request->host,
	    .reason = "this machine slept until the token had expired"};
	int r;

	if (reply->slept_usec >= token->lifetime_usec) {
		broker_settle_failure(b, e, &overslept);
		return;
	}
	r = cache_settle_token(b->cache, e, &token->token,
	    token->lifetime_usec - reply->slept_usec, deadline_boottime());
	if (r < 0) {
		broker_settle_failure(b, e, &no_memory);
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

void broker_on_fetched(void *userdata, void *context, const struct fetch_reply *reply,
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
		broker_settle_failure(b, e, &f);
}

/* A used code that left nothing: the token it brought serves until that expires. */
bool broker_serve_used_code(struct broker *b, struct cache_entry *e)
{
	uint64_t now = deadline_boottime();

	if (cache_entry_has_token(e, now))
		cache_drop_fetch(e);
	else if (cache_settle_shared(b->cache, e, now) < 0)
		return false;
	answer_waiters(b, e);
	return true;
}
