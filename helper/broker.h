/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Answers for tokens: looks the destination up, asks the cache, has fetches made, renews. */

#include <systemd/sd-event.h>

#include "cache.h"
#include "lookup.h"
#include "stats.h"
#include "store.h"

struct broker;

/* What command line and service manager say; each may be NULL. Strings borrowed. */
struct broker_folders {
	const char *config_dir; /* as config_open() takes it */
	const char *state_dir;	/* as rotation_folder() takes it */
};

/*
 * The strings of `folders`, `stats` and `outbox` are borrowed for its life. 0 or -errno;
 * -EINVAL if the state folder is no absolute path.
 */
_must_check_ int broker_new(sd_event *event, const struct broker_folders *folders,
    struct stats *stats, struct outbox *outbox, struct broker **ret);
/* Takes NULL; returns NULL. No waiter may be queued any more. */
struct broker *broker_free(struct broker *b);

/* What an earlier helper left goes here, before anything is asked for. */
struct store *broker_store(const struct broker *b);
/* Begins with what was offered to the store. */
void broker_restore(struct broker *b);

/* Who asks for a token, and what it must be like. Borrowed for the time of the call. */
struct broker_question {
	const struct binding *binding;
	const char *credential; /* the client's refresh token or code; NULL for none */
	/* of the token that the mail server refused, or NULL */
	const char *rejected_sha256;
	uint64_t minimum_usec; /* what it must be good for, if none was refused */
};

/*
 * Asks for a token. 0 with *ret set: if its verdict is CACHE_WAIT, w->answer() is called
 * once, perhaps before this returns, unless cache_forget_waiter() comes first. -ENOMEM.
 */
_must_check_ int broker_ask(struct broker *b, const struct broker_question *q,
    struct cache_waiter *w, struct cache_answer *ret);

/* Whether a client's credential is on its way: its answer must not be missed. */
bool broker_is_redeeming(const struct broker *b);

/* What broker_new() was given. */
const char *broker_config_dir(const struct broker *b);

/* Where destinations are. */
const struct lookup_places *broker_places(const struct broker *b);

/* What is known of destinations in Destination services. */
struct remote *broker_remote(const struct broker *b);

/*
 * Forgets tokens, failures, and what has replaced clients' credentials, as far as it is
 * known whose they are, of a destination: of one tenant or, with NULL, of all and of none.
 * Counts the tokens and the records that went.
 */
void broker_forget(struct broker *b, const char *destination, const char *tenant,
    unsigned *ret_tokens, unsigned *ret_rotations);

/* For Status. */
const struct cache *broker_cache(const struct broker *b);

/* "<destination>: <reason>" of the last failed fetch, or NULL; borrowed. */
const char *broker_last_failure(const struct broker *b);
