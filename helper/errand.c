/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each errand goes on when what it waits for has come. An answer of the broker's comes in
 * the middle of somebody else's work, so it is copied, and acted upon from the loop.
 */

#include "errand.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "lookup.h"
#include "means.h"
#include "report.h"

/* The token that an errand asks the broker for. */
enum need {
	NEED_ASSERTION,
	NEED_JWT,
};

struct errand {
	struct errands *all;
	struct errand *previous, *next;
	struct cache_entry *entry;
	struct token_request request;
	struct fetch_means means;
	enum need need; /* while it waits */
	bool has_assertion, has_retried;
	struct cache_waiter waiter;
	/* What the waiter was told, and the source that acts upon it. */
	struct cache_answer answer;
	struct secret token;
	char *reason;
	sd_event_source *answered;
};

struct errands {
	sd_event *event;
	const char *config_dir;
	struct stats *stats;
	struct broker *broker;
	errand_done_fn done;
	struct fetcher *fetcher;
	struct errand *first;
};

static struct errand *errand_free(struct errand *x)
{
	*(x->previous ? &x->previous->next : &x->all->first) = x->next;
	if (x->next)
		x->next->previous = x->previous;
	cache_forget_waiter(&x->waiter);
	sd_event_source_disable_unref(x->answered);
	token_request_done(&x->request);
	fetch_means_done(&x->means);
	secret_done(&x->token);
	free(x->reason);
	free(x);
	return NULL;
}

static void finish(
    struct errand *x, const struct fetch_reply *reply, enum cache_verdict failure)
{
	x->all->done(x->all->broker, x->entry, reply, failure);
	errand_free(x);
}

static void fail(struct errand *x, enum cache_verdict failure, const char *reason)
{
	const struct fetch_reply reply = {.request = &x->request, .failure = reason};

	finish(x, &reply, failure);
}

static void fail_for_memory(struct errand *x)
{
	fail(x, CACHE_UNAVAILABLE, "out of memory");
}

/* Sends the request, everything being there. */
static void send_request(struct errand *x)
{
	if (x->request.trust.insecure_trust_all)
		report_unchecked(cache_entry_binding(x->entry), x->request.host);
	x->all->stats->token_requests++;
	if (fetch_start(x->all->fetcher, &x->request, &x->means, x) < 0)
		fail_for_memory(x);
}

static void proceed(struct errand *x);

/* The broker has no such token: what that is to whoever needs it. */
static void fail_for_want(struct errand *x, const struct cache_answer *answer)
{
	enum cache_verdict failure = answer->verdict == CACHE_DESTINATION_INVALID
					 ? CACHE_DESTINATION_INVALID
					 : CACHE_UNAVAILABLE;
	const char *reason = answer->reason ? answer->reason : "no token could be had";
	_cleanup_free_ char *text = NULL;
	int n;

	if (x->need == NEED_ASSERTION)
		n = asprintf(&text, "no client assertion from destination '%s': %s",
		    x->request.assertion_provider, reason);
	else if (answer->verdict == CACHE_IDENTITY_REFUSED)
		n = asprintf(&text, "the Connectivity proxy refused a fresh token too; "
				    "another is not asked for within a minute");
	else
		n = asprintf(&text, "no token for the Connectivity proxy: %s", reason);
	if (n < 0) {
		text = NULL;
		fail_for_memory(x);
		return;
	}
	fail(x, failure, text);
}

static void take_answer(struct errand *x, const struct cache_answer *answer)
{
	int r;

	if (answer->verdict != CACHE_TOKEN) {
		fail_for_want(x, answer);
		return;
	}
	if (x->need == NEED_ASSERTION) {
		r = token_request_add_secret(
		    &x->request, "client_assertion", answer->token);
		x->has_assertion = true;
	} else {
		secret_clear(&x->means.jwt);
		r = secret_puts(&x->means.jwt, answer->token);
	}
	if (r < 0)
		fail_for_memory(x);
	else
		proceed(x);
}

static int on_answered(sd_event_source *source, void *userdata)
{
	struct errand *x = userdata;

	(void)source;
	take_answer(x, &x->answer);
	return 0;
}

/* Without memory for the copy it is as if there were no token. */
static void on_answer(struct cache_waiter *w, const struct cache_answer *answer)
{
	struct errand *x = (void *)((char *)w - offsetof(struct errand, waiter));

	secret_clear(&x->token);
	free(x->reason);
	x->reason = answer->reason ? strdup(answer->reason) : NULL;
	x->answer =
	    (struct cache_answer){.verdict = answer->verdict, .reason = x->reason};
	if (answer->verdict == CACHE_TOKEN && secret_puts(&x->token, answer->token) < 0)
		x->answer.verdict = CACHE_UNAVAILABLE;
	x->answer.token = secret_str(&x->token);
	(void)sd_event_source_set_enabled(x->answered, SD_EVENT_ONESHOT);
}

/* Asks for the token of an internal binding, for the same tenant. */
static void ask(
    struct errand *x, enum need need, char *destination, const char *rejected_sha256)
{
	const struct binding *own = cache_entry_binding(x->entry);
	const struct binding binding = {
	    .service = own->service, .destination = destination, .tenant = own->tenant};
	const struct broker_question question = {
	    .binding = &binding, .rejected_sha256 = rejected_sha256};
	struct cache_answer answer;

	x->need = need;
	if (broker_ask(x->all->broker, &question, &x->waiter, &answer) < 0)
		fail_for_memory(x);
	else if (answer.verdict != CACHE_WAIT)
		take_answer(x, &answer);
}

static void ask_for_jwt(struct errand *x, const char *rejected_sha256)
{
	char name[] = BINDING_CONNECTIVITY_NAME;

	ask(x, NEED_JWT, name, rejected_sha256);
}

static void ask_for_assertion(struct errand *x)
{
	_cleanup_free_ char *name = NULL;

	if (asprintf(&name, BINDING_ASSERTION_PREFIX "%s",
		x->request.assertion_provider) < 0) {
		name = NULL;
		fail_for_memory(x);
		return;
	}
	ask(x, NEED_ASSERTION, name, NULL);
}

/* Gets what is still missing, or sends the request. */
static void proceed(struct errand *x)
{
	if (x->request.assertion_provider && !x->has_assertion)
		ask_for_assertion(x);
	else if (x->request.route != TOKEN_ROUTE_DIRECT && x->means.jwt.len == 0)
		ask_for_jwt(x, NULL);
	else
		send_request(x);
}

static void on_fetched(void *userdata, void *context, const struct fetch_reply *reply)
{
	char sha256[DIGEST_SHA256_HEX_SIZE];
	struct errand *x = context;

	(void)userdata;
	if (!reply->jwt_refused || x->has_retried ||
	    digest_sha256_hex(x->means.jwt.data, x->means.jwt.len, sha256) < 0) {
		finish(x, reply, CACHE_UNAVAILABLE);
		return;
	}
	x->has_retried = true;
	ask_for_jwt(x, sha256);
}

static struct errand *errand_new(
    struct errands *all, struct cache_entry *e, struct token_request *request)
{
	struct errand *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->all = all;
	x->entry = e;
	x->waiter.answer = on_answer;
	x->request = *request;
	*request = (struct token_request){0};
	x->next = all->first;
	if (x->next)
		x->next->previous = x;
	all->first = x;
	return x;
}

void errand_start(
    struct errands *all, struct cache_entry *e, struct token_request *request)
{
	struct fetch_reply none = {.request = request, .failure = "out of memory"};
	struct errand *x = errand_new(all, e, request);
	_cleanup_free_ char *why = NULL;
	int r;

	if (!x) {
		all->done(all->broker, e, &none, CACHE_UNAVAILABLE);
		return;
	}
	r = sd_event_add_defer(all->event, &x->answered, on_answered, x);
	if (r >= 0)
		r = sd_event_source_set_enabled(x->answered, SD_EVENT_OFF);
	if (r >= 0)
		r = means_load(all->config_dir, &x->request, &x->means, &why);
	if (r >= 0)
		proceed(x);
	else if (why)
		fail(x,
		    lookup_is_shortage(r) ? CACHE_UNAVAILABLE : CACHE_DESTINATION_INVALID,
		    why);
	else
		fail_for_memory(x);
}

struct errands *errands_free(struct errands *all)
{
	if (!all)
		return NULL;
	fetcher_free(all->fetcher);
	while (all->first)
		errand_free(all->first);
	sd_event_unref(all->event);
	free(all);
	return NULL;
}

int errands_new(sd_event *event, const char *config_dir, struct stats *stats,
    struct broker *b, errand_done_fn done, struct errands **ret)
{
	struct errands *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return -ENOMEM;
	all->event = sd_event_ref(event);
	all->config_dir = config_dir;
	all->stats = stats;
	all->broker = b;
	all->done = done;
	r = fetcher_new(event, on_fetched, all, &all->fetcher);
	if (r < 0) {
		errands_free(all);
		return r;
	}
	*ret = all;
	return 0;
}
