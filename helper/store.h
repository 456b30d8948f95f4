/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keeps the cache's state in the service manager's file descriptor store (sd_notify(3),
 * FDSTORE=1), so that a crash or restart of the helper costs no tokens. The store does
 * not survive a reboot, nor `systemctl stop` unless FileDescriptorStorePreserve= says so.
 *
 * A new state is handed over before the older one is taken back, under a name of its own:
 * whenever we are killed, there is at least one that is whole; of two, the newer counts.
 * Without $NOTIFY_SOCKET nothing is kept. While the service manager is busy, changes wait
 * here, and the newest state goes once it has room.
 */

#include <systemd/sd-event.h>

#include "cache.h"
#include "deadline.h"
#include "outbox.h"

/*
 * A change is written at once, before the answer it leads to, unless another one has been
 * written a short time ago: then with all that follow it, when that time is over. It is
 * so many times what the last write took, within these bounds (a thousand tokens of 2 KiB
 * take 7 ms); so a thousand tokens at once cost a few writes of them all, not a thousand.
 */
#define STORE_SPACING_FACTOR 8
#define STORE_SPACING_MIN_USEC (5 * USEC_PER_MSEC)
#define STORE_SPACING_MAX_USEC (40 * USEC_PER_MSEC)

struct store;

/* `cache` and `outbox` are borrowed for the store's life. 0 or -errno. */
_must_check_ int store_new(
    sd_event *event, struct cache *cache, struct outbox *outbox, struct store **ret);
/* Writes what waits to be written; takes NULL; returns NULL. */
struct store *store_free(struct store *s);

/* Whether a descriptor of that name, given by the service manager, is for store_offer(). */
bool store_knows_name(const char *name);

/*
 * Takes over a descriptor of that name. The newest good state waits for store_restore();
 * all others are taken out of the service manager's store, those that are no good with a
 * record.
 */
void store_offer(struct store *s, const char *name, int fd);

/* Moves what was offered into the cache, which must still be empty. */
void store_restore(struct store *s);

/* To be called after whatever may have changed the cache. */
void store_update(struct store *s);
/* The same, however short a time ago the last write was: for what cannot be fetched again. */
void store_hurry(struct store *s);

/* Has the service manager forget a descriptor of that name, if it keeps one. */
void store_forget(struct store *s, const char *name);
