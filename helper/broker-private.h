/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What asking (broker.c) and settling (broker-settle.c) share. */

#include <systemd/sd-event.h>

#include "broker.h"
#include "errand.h"
#include "flood.h"
#include "outcome.h"
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

/* Sets the timer to what is due next. */
void broker_arm_timer(struct broker *b);

/* Has records written at once that could not be written before: they are nowhere else. */
void broker_keep_unsaved(struct broker *b);

/* An errand's `done`, its userdata being the broker, its context the entry: settles it. */
void broker_on_fetched(void *userdata, void *context, const struct fetch_reply *reply,
    enum cache_verdict failure);

/* Settles an entry whose fetch failed, or could not begin. */
void broker_settle_failure(
    struct broker *b, struct cache_entry *e, const struct failure *f);

/* Serves the token that a used code brought until it expires: whether there is one. */
bool broker_serve_used_code(struct broker *b, struct cache_entry *e);
