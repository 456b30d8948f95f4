/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Within broker.c's job: when each credential is presented. The exchanges of one client
 * (cache_is_same_client()), for whatever destinations, go one after the other, since each
 * may change what the next one has to present; first come, first served.
 */

#include <systemd/sd-event.h>

#include "cache.h"
#include "token-request.h"

struct broker;
struct turns;

/*
 * Called once for each turn that was asked for. `error` is 0 if it has come, and lasts
 * until turns_end(); -EBUSY if it has not come within the request's own time; -ENOMEM.
 * What is left of the request afterwards is wiped.
 */
typedef void (*turn_fn)(
    struct broker *b, struct cache_entry *e, struct token_request *request, int error);

/* The broker is borrowed. 0 or -errno. */
_must_check_ int turns_new(
    sd_event *event, struct broker *b, turn_fn begin, struct turns **ret);
/* Forgets every turn without a word; takes NULL; returns NULL. Before the cache goes away. */
struct turns *turns_free(struct turns *all);

/*
 * Asks for a turn for an entry that is marked as fetching. Takes over the contents of
 * `request`. turn_fn is called, before this returns if nobody of the client is before it.
 */
void turns_take(struct turns *all, struct cache_entry *e, struct token_request *request);

/* Ends the turn of an entry, if it has one, before that is settled; others begin from the loop. */
void turns_end(struct turns *all, const struct cache_entry *e);
