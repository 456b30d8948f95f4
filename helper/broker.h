/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Answers for tokens: looks the destination up, asks the cache, has fetches made, renews. */

#include <systemd/sd-event.h>

#include "cache.h"
#include "stats.h"
#include "store.h"

struct broker;

/* `config_dir` (may be NULL), `stats` and `outbox` are borrowed for its life. 0 or -errno. */
_must_check_ int broker_new(sd_event *event, const char *config_dir, struct stats *stats,
    struct outbox *outbox, struct broker **ret);
/* Takes NULL; returns NULL. No waiter may be queued any more. */
struct broker *broker_free(struct broker *b);

/* What an earlier helper left goes here, before anything is asked for. */
struct store *broker_store(const struct broker *b);
/* Begins with what was offered to the store. */
void broker_restore(struct broker *b);

/*
 * Asks for a token that is good for `minimum_usec`. 0 with *ret set: if its verdict is
 * CACHE_WAIT, w->answer() is called once, perhaps before this returns, unless
 * cache_forget_waiter() comes first. -ENOMEM.
 */
_must_check_ int broker_get(struct broker *b, const struct binding *binding,
    uint64_t minimum_usec, struct cache_waiter *w, struct cache_answer *ret);

/* The same after the mail server refused the token with this SHA-256 (hexadecimal). */
_must_check_ int broker_reject(struct broker *b, const struct binding *binding,
    const char *sha256_hex, struct cache_waiter *w, struct cache_answer *ret);

/* For Status. */
const struct cache *broker_cache(const struct broker *b);

/* "<destination>: <reason>" of the last failed fetch, or NULL; borrowed. */
const char *broker_last_failure(const struct broker *b);
