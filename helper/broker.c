/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where look-up, cache and fetch meet. The cache says when to fetch; this starts the
 * fetch and keeps the one timer for renewals. What comes of it is broker-settle.c's.
 */

#include "broker-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "deadline.h"
#include "lookup.h"
#include "reason.h"
#include "redeem.h"
#include "remote.h"

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

struct store *broker_store(const struct broker *b)
{
	return b->store;
}

void broker_restore(struct broker *b)
{
	store_restore(b->store);
	rotation_resume(b->rotation);
	broker_arm_timer(b);
}

static void send_request(
    struct broker *b, struct cache_entry *e, struct token_request *request)
{
	const struct errand_order order = {.binding = cache_entry_binding(e),
	    .done = broker_on_fetched,
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
		broker_keep_unsaved(b); /* that a code is posted now */
		send_request(b, e, request);
		return;
	}
	turns_end(b->turns, e);
	if (r == -EKEYREVOKED && broker_serve_used_code(b, e))
		return;
	f = outcome_of_credential(r, why);
	broker_settle_failure(b, e, &f);
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
	broker_arm_timer(b);
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
	broker_arm_timer(b);
}
