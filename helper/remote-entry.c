/* SPDX-License-Identifier: Apache-2.0 */
/* Few enough to be searched one by one. */

#include "remote-entry.h"

#include <errno.h>
#include <string.h>

static void unlink_entry(struct remote_entry *e)
{
	struct remote *r = e->remote;

	*(e->previous ? &e->previous->next : &r->first) = e->next;
	*(e->next ? &e->next->previous : &r->last) = e->previous;
	e->previous = e->next = NULL;
	r->n--;
}

static void push_entry(struct remote_entry *e)
{
	struct remote *r = e->remote;

	e->next = r->first;
	*(e->next ? &e->next->previous : &r->last) = e;
	r->first = e;
	r->n++;
}

void remote_entry_drop_text(struct remote_entry *e)
{
	e->remote->bytes -= e->text.len;
	secret_done(&e->text);
	e->fresh_until = 0;
}

void remote_entry_drop_failure(struct remote_entry *e)
{
	free(e->reason);
	e->reason = NULL;
	e->failures = 0;
	e->failure_until = 0;
}

static void entry_free(struct remote_entry *e)
{
	unlink_entry(e);
	remote_entry_drop_text(e);
	remote_entry_drop_failure(e);
	binding_done(&e->binding);
	free(e);
}

int remote_new(const char *config_dir, struct errands *errands, struct remote **ret)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->config_dir = config_dir;
	r->errands = errands;
	*ret = r;
	return 0;
}

struct remote *remote_free(struct remote *r)
{
	if (!r)
		return NULL;
	while (r->first)
		entry_free(r->first);
	free(r->why);
	free(r);
	return NULL;
}

unsigned remote_count(const struct remote *r)
{
	unsigned n = 0;

	for (const struct remote_entry *e = r->first; e; e = e->next)
		n += e->text.len > 0;
	return n;
}

static bool is_busy(const struct remote_entry *e)
{
	return e->fetching || e->waiters;
}

void remote_shrink(struct remote *r)
{
	struct remote_entry *previous;

	for (struct remote_entry *e = r->last;
	     e && (r->n > REMOTE_ENTRIES_MAX || r->bytes > REMOTE_BYTES_MAX);
	     e = previous) {
		previous = e->previous;
		if (!is_busy(e) && e != r->first)
			entry_free(e);
	}
}

struct remote_entry *remote_find(const struct remote *r, const struct binding *b)
{
	unsigned char owner[DIGEST_SHA256_SIZE];

	if (binding_owner(b, owner) < 0)
		return NULL;
	for (struct remote_entry *e = r->first; e; e = e->next)
		if (memcmp(e->owner, owner, sizeof(owner)) == 0)
			return e;
	return NULL;
}

struct remote_entry *remote_open(struct remote *r, const struct binding *b)
{
	struct remote_entry *e = remote_find(r, b);

	if (e) {
		unlink_entry(e);
		push_entry(e);
		return e;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->remote = r;
	if (binding_owner(b, e->owner) < 0 || binding_copy(b, &e->binding) < 0) {
		binding_done(&e->binding);
		free(e);
		return NULL;
	}
	push_entry(e);
	remote_shrink(r);
	return e;
}

void remote_forget_waiter(struct remote_waiter *w)
{
	if (!w->entry)
		return;
	*(w->previous ? &w->previous->next : &w->entry->waiters) = w->next;
	if (w->next)
		w->next->previous = w->previous;
	w->entry = NULL;
	w->previous = w->next = NULL;
}

void remote_entry_queue(struct remote_entry *e, struct remote_waiter *w)
{
	w->entry = e;
	w->next = e->waiters;
	if (w->next)
		w->next->previous = w;
	e->waiters = w;
}

void remote_entry_wake(struct remote_entry *e)
{
	struct remote_waiter *w;

	while ((w = e->waiters)) {
		remote_forget_waiter(w);
		w->ready(w);
	}
}

void remote_forget(struct remote *r, const char *destination, const char *tenant)
{
	struct remote_entry *next;

	for (struct remote_entry *e = r->first; e; e = next) {
		next = e->next;
		if (!binding_is_of(&e->binding, destination, tenant))
			continue;
		remote_entry_drop_text(e);
		remote_entry_drop_failure(e);
		if (!is_busy(e))
			entry_free(e);
	}
}
