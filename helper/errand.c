/* SPDX-License-Identifier: Apache-2.0 */
/* Each errand goes on when what it waits for has come. */

#include "errand.h"

#include <errno.h>

#include "broker.h"
#include "inquiry.h"
#include "lookup.h"
#include "means.h"
#include "report.h"
#include "text.h"
#include "want.h"

/* Before a broken connection is replaced. */
#define REPEAT_PAUSE_USEC (100 * USEC_PER_MSEC)

struct errand {
	struct errands *all;
	struct errand *previous, *next;
	struct errand_order order;
	struct token_request request;
	struct fetch_means means;
	enum want want; /* while it waits */
	bool has_assertion;
	bool has_retried;	   /* with another token */
	sd_event_source *repeated; /* on another connection; NULL: not yet */
	struct inquiry inquiry;
};

struct errands {
	sd_event *event;
	const char *config_dir;
	struct stats *stats;
	struct broker *broker;
	struct fetcher *fetcher;
	struct errand *first;
};

static struct errand *errand_free(struct errand *x)
{
	*(x->previous ? &x->previous->next : &x->all->first) = x->next;
	if (x->next)
		x->next->previous = x->previous;
	inquiry_end(&x->inquiry);
	sd_event_source_disable_unref(x->repeated);
	token_request_done(&x->request);
	fetch_means_done(&x->means);
	free(x);
	return NULL;
}

static void finish(
    struct errand *x, const struct fetch_reply *reply, enum cache_verdict failure)
{
	x->order.done(x->order.userdata, x->order.context, reply, failure);
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
		report_unchecked(x->order.binding, x->request.host);
	if (x->request.instance)
		x->all->stats->destination_requests++;
	else
		x->all->stats->token_requests++;
	if (fetch_start(x->all->fetcher, &x->request, &x->means, x) < 0)
		fail_for_memory(x);
}

static void proceed(struct errand *x);

/* The broker has no such token. */
static void fail_for_want(struct errand *x, const struct cache_answer *answer)
{
	_cleanup_free_ char *text = want_explain(x->want, &x->request, answer);

	if (text)
		fail(x, want_verdict(x->want, answer), text);
	else
		fail_for_memory(x);
}

/* Whoever it is shown to may quote it. */
static int set_token(struct errand *x, struct secret *token, const char *text)
{
	int r;

	secret_clear(token);
	r = secret_puts(token, text);
	return r < 0 ? r : token_request_hide(&x->request, text);
}

static void take_answer(void *userdata, const struct cache_answer *answer)
{
	struct errand *x = userdata;
	int r = 0;

	if (answer->verdict != CACHE_TOKEN) {
		fail_for_want(x, answer);
		return;
	}
	switch (x->want) {
	case WANT_ASSERTION:
		r = token_request_add_secret(
		    &x->request, "client_assertion", answer->token);
		x->has_assertion = true;
		break;
	case WANT_JWT:
		r = set_token(x, &x->means.jwt, answer->token);
		break;
	case WANT_SERVICE_TOKEN:
		r = set_token(x, &x->means.service_token, answer->token);
		break;
	}
	if (r < 0)
		fail_for_memory(x);
	else
		proceed(x);
}

/* Asks for the token of an internal binding, for the same tenant. */
static void ask(
    struct errand *x, enum want want, char *destination, const char *rejected_sha256)
{
	const struct binding *own = x->order.binding;
	const struct binding binding = {
	    .service = own->service, .destination = destination, .tenant = own->tenant};
	const struct broker_question question = {
	    .binding = &binding, .rejected_sha256 = rejected_sha256};

	x->want = want;
	if (inquiry_ask(&x->inquiry, x->all->broker, &question) < 0)
		fail_for_memory(x);
}

static void ask_for_jwt(struct errand *x, const char *rejected_sha256)
{
	char name[] = BINDING_CONNECTIVITY_NAME;

	ask(x, WANT_JWT, name, rejected_sha256);
}

/* Asks for the token of a binding whose destination is `prefix` and `name`. */
static void ask_for_named(struct errand *x, enum want want, const char *prefix,
    const char *name, const char *rejected_sha256)
{
	_cleanup_free_ char *destination = NULL;

	destination = text_format("%s%s", prefix, name);
	if (!destination) {
		fail_for_memory(x);
		return;
	}
	ask(x, want, destination, rejected_sha256);
}

static void ask_for_assertion(struct errand *x)
{
	ask_for_named(x, WANT_ASSERTION, BINDING_ASSERTION_PREFIX,
	    x->request.assertion_provider, NULL);
}

static void ask_for_service_token(struct errand *x, const char *rejected_sha256)
{
	ask_for_named(x, WANT_SERVICE_TOKEN, BINDING_INSTANCE_PREFIX, x->request.instance,
	    rejected_sha256);
}

/* Gets what is still missing, or sends the request. */
static void proceed(struct errand *x)
{
	if (x->request.assertion_provider && !x->has_assertion)
		ask_for_assertion(x);
	else if (x->request.route != TOKEN_ROUTE_DIRECT && x->means.jwt.len == 0)
		ask_for_jwt(x, NULL);
	else if (x->request.instance && x->means.service_token.len == 0)
		ask_for_service_token(x, NULL);
	else
		send_request(x);
}

/* The token that the other side refused, or NULL. */
static const struct secret *refused_token(
    const struct errand *x, const struct fetch_reply *reply)
{
	if (reply->jwt_refused)
		return &x->means.jwt;
	/* before it looks at anything else: a code in it is not used up */
	if (x->request.instance && !reply->failure && reply->http_status == 401)
		return &x->means.service_token;
	return NULL;
}

/* Asks for another token than the one refused: false if that is of no use. */
static bool retry(struct errand *x, const struct fetch_reply *reply)
{
	const struct secret *token = refused_token(x, reply);
	char sha256[DIGEST_SHA256_HEX_SIZE];

	if (!token || x->has_retried ||
	    digest_sha256_hex(token->data, token->len, sha256) < 0)
		return false;
	x->has_retried = true;
	if (reply->jwt_refused)
		ask_for_jwt(x, sha256);
	else
		ask_for_service_token(x, sha256);
	return true;
}

static int on_repeat(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	send_request(userdata);
	return 0;
}

/* Sends the request again in a moment: false if that cannot be, or has been. */
static bool repeat(struct errand *x, const struct fetch_reply *reply)
{
	if (!x->request.instance || !reply->may_repeat || x->repeated ||
	    x->request.credential.len > 0)
		return false;
	return sd_event_add_time_relative(x->all->event, &x->repeated, CLOCK_MONOTONIC,
		   REPEAT_PAUSE_USEC, 0, on_repeat, x) >= 0;
}

static void on_fetched(void *userdata, void *context, const struct fetch_reply *reply)
{
	struct errand *x = context;

	(void)userdata;
	if (!retry(x, reply) && !repeat(x, reply))
		finish(x, reply, CACHE_UNAVAILABLE);
}

static struct errand *errand_new(
    struct errands *all, const struct errand_order *order, struct token_request *request)
{
	struct errand *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->all = all;
	x->order = *order;
	x->request = *request;
	*request = (struct token_request){0};
	x->next = all->first;
	if (x->next)
		x->next->previous = x;
	all->first = x;
	return x;
}

void errand_start(
    struct errands *all, const struct errand_order *order, struct token_request *request)
{
	struct fetch_reply none = {.request = request, .failure = "out of memory"};
	struct errand *x = errand_new(all, order, request);
	_cleanup_free_ char *why = NULL;
	int r;

	if (!x) {
		order->done(order->userdata, order->context, &none, CACHE_UNAVAILABLE);
		return;
	}
	r = inquiry_begin(&x->inquiry, all->event, take_answer, x);
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
    struct broker *b, struct errands **ret)
{
	struct errands *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return -ENOMEM;
	all->event = sd_event_ref(event);
	all->config_dir = config_dir;
	all->stats = stats;
	all->broker = b;
	r = fetcher_new(event, on_fetched, all, &all->fetcher);
	if (r < 0) {
		errands_free(all);
		return r;
	}
	*ret = all;
	return 0;
}
