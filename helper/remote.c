/* SPDX-License-Identifier: Apache-2.0 */
/* How destinations are found, and the rules about how long each is good. */

#include "remote.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cache-entry.h"
#include "find-reply.h"
#include "log.h"
#include "reason.h"
#include "remote-entry.h"
#include "remote-request.h"
#include "report.h"
#include "text.h"

static void settle_found(
    struct remote_entry *e, struct find_reply *reply, uint64_t slept_usec)
{
	if (e->failures > 0)
		report_remote_back(&e->binding);
	remote_entry_drop_failure(e);
	remote_entry_drop_text(e);
	e->text = reply->destination;
	reply->destination = (struct secret){0};
	memcpy(e->digest, reply->digest, sizeof(e->digest));
	e->remote->bytes += e->text.len;
	e->fresh_until = deadline_boottime() + REMOTE_FRESH_USEC -
			 MIN_OF(slept_usec, REMOTE_FRESH_USEC);
}

/* What the service refuses is no longer known; what it cannot say now is as it was. */
static void settle_failure(struct remote_entry *e, enum cache_verdict verdict,
    const char *reason, uint64_t retry_after_usec)
{
	_cleanup_secret_ struct secret escaped = {0};
	uint64_t pause = REMOTE_REFUSED_USEC, now = deadline_boottime();

	if (verdict != CACHE_DESTINATION_INVALID) {
		verdict = CACHE_UNAVAILABLE;
		pause = MAX_OF(cache_pause(e->failures, (uint32_t)now),
		    MIN_OF(retry_after_usec, CACHE_RETRY_AFTER_MAX_USEC));
	} else {
		remote_entry_drop_text(e);
	}
	if (log_escape(&escaped, reason, strlen(reason)) == 0)
		reason = escaped.data;
	if (e->failures == 0)
		report_remote_failed(&e->binding, e->text.len > 0, reason);
	e->failure = verdict;
	e->failures++;
	e->failure_until = now + pause;
	free(e->reason);
	e->reason = strdup(reason); /* without memory, a failure without words */
}

/*
 * A reply about another destination than was asked for would be served to the wrong
 * programs: it counts as none. 0 or -ENOMEM.
 */
static int refuse_anothers(const struct remote_entry *e, struct find_reply *found)
{
	if (found->kind != FOUND || !found->name ||
	    strcasecmp(found->name, e->binding.destination) == 0)
		return 0;
	found->kind = FOUND_UNAVAILABLE;
	return secret_concat(&found->reason, "the reply is about another destination, '",
	    found->name, "'", NULL);
}

static void settle_reply(struct remote_entry *e, const struct fetch_reply *reply)
{
	_cleanup_find_reply_ struct find_reply found = {0};

	if (find_reply_parse(reply->http_status, reply->body, reply->len, &found) < 0 ||
	    refuse_anothers(e, &found) < 0) {
		settle_failure(e, CACHE_UNAVAILABLE, "out of memory", 0);
		return;
	}
	token_request_mask(reply->request, &found.reason);
	if (found.kind == FOUND)
		settle_found(e, &found, reply->slept_usec);
	else
		settle_failure(e,
		    found.kind == FOUND_UNAVAILABLE ? CACHE_UNAVAILABLE
						    : CACHE_DESTINATION_INVALID,
		    secret_str(&found.reason), reply->retry_after_usec);
}

static void on_fetched(void *userdata, void *context, const struct fetch_reply *reply,
    enum cache_verdict failure)
{
	struct remote_entry *e = context;
	struct remote *r = e->remote;

	(void)userdata;
	e->fetching = false;
	if (memcmp(e->asked, e->request, sizeof(e->asked)) != 0)
		; /* of the instance as it was: whoever waits asks again */
	else if (reply->failure)
		settle_failure(e, failure, reply->failure, reply->retry_after_usec);
	else
		settle_reply(e, reply);
	remote_entry_wake(e);
	remote_shrink(r); /* the entry may go with it */
}

static void start_fetch(struct remote_entry *e, struct token_request *request)
{
	const struct errand_order order = {
	    .binding = &e->binding, .done = on_fetched, .context = e};

	e->fetching = true;
	memcpy(e->asked, e->request, sizeof(e->asked));
	errand_start(e->remote->errands, &order, request);
}

/* What the entry has to say as it is, waiting left aside. */
static enum remote_state answer(const struct remote_entry *e, struct cache_answer *ret)
{
	uint64_t now = deadline_boottime();

	if (e->text.len > 0)
		return REMOTE_KNOWN;
	*ret = (struct cache_answer){.verdict = e->failure,
	    .left_usec = e->failure_until > now ? e->failure_until - now : 0,
	    .reason = e->reason ? e->reason : "out of memory"};
	return REMOTE_FAILED;
}

/* Whether the instance's file has changed: nothing is known of where it now says. */
static int note_request(struct remote_entry *e, const struct token_request *request)
{
	unsigned char digest[DIGEST_SHA256_SIZE];
	int r;

	r = token_request_digest(request, digest);
	if (r < 0)
		return r;
	if (memcmp(digest, e->request, sizeof(digest)) != 0) {
		remote_entry_drop_text(e);
		remote_entry_drop_failure(e);
		memcpy(e->request, digest, sizeof(digest));
	}
	return 0;
}

static int ask_entry(struct remote_entry *e, struct token_request *request,
    struct remote_waiter *w, struct cache_answer *ret)
{
	uint64_t now = deadline_boottime();
	bool may_wait;

	if (now < e->fresh_until || now < e->failure_until)
		return answer(e, ret);
	may_wait = e->failures == 0 || e->text.len == 0;
	if (!e->fetching)
		start_fetch(e, request);
	if (!e->fetching || !may_wait)
		return answer(e, ret);
	remote_entry_queue(e, w);
	return REMOTE_WAIT;
}

int remote_ask(struct remote *r, const struct binding *b, struct remote_waiter *w,
    struct cache_answer *ret)
{
	_cleanup_token_request_ struct token_request request = {0};
	struct remote_entry *e;
	int error;

	free(r->why);
	r->why = NULL;
	error = remote_request_build(r->config_dir, b, &request, &r->why);
	if (error < 0 && !r->why)
		return -ENOMEM;
	if (error < 0) {
		*ret = (struct cache_answer){
		    .verdict = CACHE_DESTINATION_INVALID, .reason = r->why};
		return REMOTE_FAILED;
	}
	e = remote_open(r, b);
	if (!e || note_request(e, &request) < 0)
		return -ENOMEM;
	return ask_entry(e, &request, w, ret);
}

int remote_load(const struct remote *r, const struct binding *b, struct properties *p,
    struct secret *revision, char **ret_why)
{
	const struct remote_entry *e = remote_find(r, b);
	_cleanup_free_ char *path = NULL;
	int error = 0;

	if (!e || e->text.len == 0)
		return reason_set(ret_why, -EIO,
		    "destination '%s' of instance '%s' is not known any more",
		    b->destination, b->instance);
	path =
	    text_format("destination '%s' of instance '%s'", b->destination, b->instance);
	if (!path)
		return -ENOMEM;
	if (revision)
		error = secret_append(revision, e->digest, sizeof(e->digest));
	return error < 0 ? error
			 : properties_add(p, e->text.data, e->text.len, path, ret_why);
}
