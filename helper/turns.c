/* SPDX-License-Identifier: Apache-2.0 */
/* One list of those who present a credential and those who wait to, in the order they came. */

#include "turns.h"

#include <errno.h>

struct turn {
	struct turns *all;
	struct turn *previous, *next;
	struct cache_entry *entry;
	/* While it waits: what is to be sent, and the end of its patience. Else NULL. */
	struct token_request request;
	sd_event_source *timer;
};

struct turns {
	sd_event *event;
	struct broker *broker;
	turn_fn begin;
	struct turn *first, *last;
	sd_event_source *next; /* a turn has ended */
};

static struct turn *turn_free(struct turn *t)
{
	struct turns *all = t->all;

	*(t->previous ? &t->previous->next : &all->first) = t->next;
	*(t->next ? &t->next->previous : &all->last) = t->previous;
	sd_event_source_disable_unref(t->timer);
	token_request_done(&t->request);
	free(t);
	return NULL;
}

static struct turn *turn_new(struct turns *all, struct cache_entry *e)
{
	struct turn *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->all = all;
	t->entry = e;
	t->previous = all->last;
	*(all->last ? &all->last->next : &all->first) = t;
	all->last = t;
	return t;
}

/* The first turn of an entry's client, which is the one that has come if any has. */
static struct turn *find_first(const struct turns *all, const struct cache_entry *e)
{
	struct turn *t = all->first;

	while (t && !cache_is_same_client(cache_entry_key(t->entry), cache_entry_key(e)))
		t = t->next;
	return t;
}

/* A turn that waits for nobody any more. */
static struct turn *find_ready(const struct turns *all)
{
	struct turn *t = all->first;

	while (t && (!t->timer || find_first(all, t->entry) != t))
		t = t->next;
	return t;
}

/* Moves out what a turn that waits has kept. */
static struct token_request take_request(struct turn *t)
{
	struct token_request request = t->request;

	t->request = (struct token_request){0};
	t->timer = sd_event_source_disable_unref(t->timer);
	return request;
}

static void give_up(struct turn *t, int error)
{
	_cleanup_token_request_ struct token_request request = take_request(t);
	struct cache_entry *e = t->entry;
	struct turns *all = t->all;

	turn_free(t);
	all->begin(all->broker, e, &request, error);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	give_up(userdata, -EBUSY);
	return 0;
}

/* Whoever begins may end his turn at once, so that `t` is gone then. */
static int on_next(sd_event_source *source, void *userdata)
{
	struct turns *all = userdata;
	struct turn *t;

	(void)source;
	while ((t = find_ready(all))) {
		_cleanup_token_request_ struct token_request request = take_request(t);

		all->begin(all->broker, t->entry, &request, 0);
	}
	return 0;
}

static void wait_for_turn(struct turn *t, struct token_request *request)
{
	t->request = *request;
	*request = (struct token_request){0};
	if (sd_event_add_time_relative(t->all->event, &t->timer, CLOCK_MONOTONIC,
		t->request.timeout_usec, 0, on_late, t) < 0)
		give_up(t, -ENOMEM);
}

void turns_take(struct turns *all, struct cache_entry *e, struct token_request *request)
{
	bool must_wait = find_first(all, e);
	struct turn *t = turn_new(all, e);

	if (!t)
		all->begin(all->broker, e, request, -ENOMEM);
	else if (must_wait)
		wait_for_turn(t, request);
	else
		all->begin(all->broker, e, request, 0);
}

void turns_end(struct turns *all, const struct cache_entry *e)
{
	struct turn *t = all->first;

	while (t && (t->entry != e || t->timer))
		t = t->next;
	if (!t)
		return;
	turn_free(t);
	(void)sd_event_source_set_enabled(all->next, SD_EVENT_ONESHOT);
}

struct turns *turns_free(struct turns *all)
{
	if (!all)
		return NULL;
	while (all->first)
		turn_free(all->first);
	sd_event_source_disable_unref(all->next);
	sd_event_unref(all->event);
	free(all);
	return NULL;
}

static void turns_freep(struct turns **all)
{
	turns_free(*all);
}

int turns_new(sd_event *event, struct broker *b, turn_fn begin, struct turns **ret)
{
	_cleanup_(turns_freep) struct turns *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return -ENOMEM;
	all->event = sd_event_ref(event);
	all->broker = b;
	all->begin = begin;
	r = sd_event_add_defer(event, &all->next, on_next, all);
	if (r >= 0)
		r = sd_event_source_set_enabled(all->next, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(all);
	return 0;
}
