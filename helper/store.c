/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the state is written and under which name. What it looks like is state.h's, how it
 * is held sealed.h's.
 */

#include "store.h"

#include <errno.h>
#include <string.h>

#include "report.h"
#include "sealed.h"
#include "state.h"
#include "text.h"

#define NAME_PREFIX "maildest-tokens-"
/* systemd's limit on names, FDNAME= in sd_notify(3). */
#define NAME_LENGTH_MAX 255
/* If the service manager could not be reached (it may be starting anew), or is busy. */
#define RETRY_USEC (1 * USEC_PER_SEC)
#define RETRY_BUSY_USEC (100 * USEC_PER_MSEC)
/* So long it may be busy before that is worth a record. */
#define BUSY_USEC (10 * USEC_PER_SEC)

struct store {
	struct cache *cache;
	struct outbox *outbox;
	sd_event_source *timer; /* on while a change waits to be written */
	bool is_enabled;
	bool is_told;	       /* a record says that the last write failed */
	bool must_write;       /* what the service manager has may not be what we think */
	uint64_t failing_usec; /* no write has gone since then; 0 for none */
	uint64_t kept;	       /* cache_changes() of what was written last */
	uint64_t next_usec;    /* not written again before that (CLOCK_MONOTONIC) */
	uint64_t generation;   /* of the last state written or offered */
	char *name;	    /* of the state that the service manager has; NULL for none */
	struct sealed held; /* the same state, locked in memory */
	struct cache *offered;
};

bool store_knows_name(const char *name)
{
	return strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0;
}

/* As FDNAME= has it: ASCII without control characters and colons. */
static bool is_descriptor_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (name[i] < ' ' || name[i] >= 0x7f || name[i] == ':')
			return false;
	return n > 0 && n <= NAME_LENGTH_MAX;
}

void store_forget(struct store *s, const char *name)
{
	_cleanup_free_ char *text = NULL;

	if (!is_descriptor_name(name))
		return;
	text = text_format("FDSTOREREMOVE=1\nFDNAME=%s", name);
	if (!text)
		return; /* the next helper takes it back */
	if (outbox_post(s->outbox, text) < 0)
		return; /* the same */
}

/* The name is dropped, and what it stands for taken back. */
static void forget_current(struct store *s)
{
	if (s->name)
		store_forget(s, s->name);
	free(s->name);
	s->name = NULL;
	sealed_done(&s->held);
}

/* 0 or -errno. FDPOLL=0: there is nothing to wait for in memory. */
static int hand_over(struct store *s, const char *name, int fd)
{
	_cleanup_free_ char *text = NULL;

	text = text_format("FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	if (!text)
		return -ENOMEM;
	return outbox_send(s->outbox, text, fd);
}

/* Makes a sealed state of the bytes and hands it over; then the older one is taken back. */
static int replace(struct store *s, const struct secret *bytes, uint64_t generation)
{
	_cleanup_sealed_ struct sealed held = SEALED_INIT;
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	name = text_format(NAME_PREFIX "%ju", (uintmax_t)generation);
	if (!name)
		return -ENOMEM;
	fd = sealed_new("maildest-tokens", bytes->data, bytes->len, &held);
	if (fd < 0)
		return fd;
	r = hand_over(s, name, fd);
	if (r < 0)
		return r;
	forget_current(s);
	s->generation = generation;
	s->name = TAKE_PTR(name);
	s->held = held;
	held = (struct sealed)SEALED_INIT;
	return 0;
}

static int write_state(struct store *s)
{
	_cleanup_secret_ struct secret bytes = {0};
	const uint64_t generation = s->generation + 1;
	unsigned entries;
	int r;

	r = state_write(s->cache, generation, deadline_boottime(), &bytes, &entries);
	if (r < 0)
		return r;
	if (entries > 0)
		return replace(s, &bytes, generation);
	forget_current(s);
	return 0;
}

/* Without the timer, the change is written with the next one. */
static void arm(struct store *s, uint64_t when)
{
	if (sd_event_source_set_time(s->timer, when) >= 0)
		(void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static void tell_failure(struct store *s, int error)
{
	if (!s->is_told)
		report_state_not_kept(error);
	s->is_told = true;
}

/* What became of a write: one that failed is tried again. */
static void settle(struct store *s, int r, uint64_t changes, uint64_t now)
{
	if (r == 0) {
		s->kept = changes;
		s->must_write = s->is_told = false;
		s->failing_usec = 0;
		return;
	}
	arm(s, now + (r == -EAGAIN ? RETRY_BUSY_USEC : RETRY_USEC));
	if (s->failing_usec == 0)
		s->failing_usec = now;
	if (r != -EAGAIN || now - s->failing_usec >= BUSY_USEC)
		tell_failure(s, r);
}

/* 0 or -errno, which is no matter to those who do not wait for it. */
static int write_now(struct store *s)
{
	uint64_t changes = cache_changes(s->cache), began = deadline_now(), now, spacing;
	int r = write_state(s);

	now = deadline_now();
	spacing = MAX_OF((now - began) * STORE_SPACING_FACTOR, STORE_SPACING_MIN_USEC);
	s->next_usec = now + MIN_OF(spacing, STORE_SPACING_MAX_USEC);
	settle(s, r, changes, now);
	return r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	(void)write_now(userdata); /* tried again */
	return 0;
}

static bool is_armed(const struct store *s)
{
	int enabled = SD_EVENT_OFF;

	return sd_event_source_get_enabled(s->timer, &enabled) >= 0 &&
	       enabled != SD_EVENT_OFF;
}

static bool is_due(const struct store *s)
{
	return s->is_enabled && (s->must_write || s->kept != cache_changes(s->cache));
}

void store_update(struct store *s)
{
	if (!is_due(s) || is_armed(s))
		return;
	if (deadline_now() >= s->next_usec)
		(void)write_now(s); /* tried again */
	else
		arm(s, s->next_usec);
}

void store_hurry(struct store *s)
{
	if (is_due(s))
		(void)write_now(s); /* tried again */
}

/* Reads a descriptor's state: 0, or -errno with *ret_why where it is the state's fault. */
static int read_state(int fd, struct sealed *ret_held, struct cache **ret,
    uint64_t *ret_generation, const char **ret_why)
{
	int r;

	r = sealed_open(fd, STATE_SIZE_MAX, ret_held, ret_why);
	if (r < 0)
		return r;
	return state_parse(ret_held->bytes, ret_held->size, deadline_boottime(), ret,
	    ret_generation, ret_why);
}

/* Two may have one name: then this takes both back, so that it must be written anew. */
static void forget_offered(struct store *s, const char *name)
{
	store_forget(s, name);
	s->must_write = true;
}

void store_offer(struct store *s, const char *name, int fd)
{
	_cleanup_sealed_ struct sealed held = SEALED_INIT;
	_cleanup_close_ int owned = fd;
	struct cache *offered = NULL;
	uint64_t generation = 0;
	const char *why = NULL;
	int r;

	r = read_state(owned, &held, &offered, &generation, &why);
	if (r < 0)
		report_state_refused(name, why ? why : strerror(-r));
	if (r < 0 || (s->offered && generation <= s->generation)) {
		cache_free(offered);
		forget_offered(s, name);
		return;
	}
	if (s->offered && s->name)
		forget_offered(s, s->name);
	free(s->name);
	sealed_done(&s->held);
	cache_free(s->offered);
	s->offered = offered;
	s->generation = generation;
	s->name = strdup(name); /* without memory: the next helper finds it */
	s->held = held;
	held = (struct sealed)SEALED_INIT;
}

void store_restore(struct store *s)
{
	if (!s->offered)
		return;
	s->kept = cache_changes(s->cache);
	cache_restore(s->cache, TAKE_PTR(s->offered), deadline_boottime());
	if (cache_entries(s->cache) > 0) {
		report_state_restored(cache_tokens(s->cache));
	} else {
		report_state_refused(
		    s->name ? s->name : NAME_PREFIX, "all that it held is over");
		s->must_write = true;
	}
	store_update(s);
}

/* There is no later time to try it again. */
static void write_last(struct store *s)
{
	int r = is_due(s) ? write_now(s) : 0;

	if (r < 0)
		tell_failure(s, r);
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;
	write_last(s);
	sd_event_source_disable_unref(s->timer);
	cache_free(s->offered);
	free(s->name);
	sealed_done(&s->held);
	free(s);
	return NULL;
}

static void store_freep(struct store **s)
{
	store_free(*s);
}

int store_new(
    sd_event *event, struct cache *cache, struct outbox *outbox, struct store **ret)
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->cache = cache;
	s->outbox = outbox;
	s->kept = cache_changes(cache);
	s->held = (struct sealed)SEALED_INIT;
	r = sd_event_add_time(
	    event, &s->timer, CLOCK_MONOTONIC, UINT64_MAX, USEC_PER_MSEC, on_timer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	s->is_enabled = getenv("NOTIFY_SOCKET");
	*ret = TAKE_PTR(s);
	return 0;
}
