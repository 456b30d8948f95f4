/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where records are looked for and put: first what waits in the cache, then the folder.
 * Their form is rotation-seal.c's, the files are rotation-files.c's.
 */

#include "rotation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deadline.h"
#include "reason.h"
#include "report.h"
#include "rotation-files.h"
#include "rotation-sweep.h"

/* How soon a write that failed is tried again, and how often that is told. */
#define RETRY_USEC (5 * USEC_PER_SEC)
#define TELL_USEC (60 * USEC_PER_SEC)
/* How often unused records are looked for. */
#define SWEEP_USEC (UINT64_C(24) * 60 * 60 * USEC_PER_SEC)
/* A clock that is corrected by no more than this has not been wrong. */
#define CLOCK_SLACK_SEC (INT64_C(60) * 60)

struct rotation {
	struct cache *cache;
	char *folder;
	/* CLOCK_BOOTTIME: what waits is written, and from `sweep_usec` on the folder swept */
	sd_event_source *timer;
	uint64_t sweep_usec;
	/* The wall clock as it was seen last, less CLOCK_BOOTTIME; since when it goes right. */
	int64_t clock_offset_sec;
	uint64_t clock_since_usec;
	uint64_t told_usec; /* when a failed write was last told of; 0: all is well */
};

static int find_name(const struct cache_key *key, char ret[ROTATION_NAME_SIZE])
{
	return rotation_name(key->realm, key->credential, ret);
}

static struct rotation_id id_of(const struct cache_entry *e)
{
	return (struct rotation_id){.realm = cache_entry_key(e)->realm,
	    .credential = secret_str(cache_entry_credential(e))};
}

static unsigned count_unsaved(const struct rotation *r)
{
	const struct cache_entry *e = NULL;
	unsigned n = 0;

	while ((e = cache_next_unsaved(r->cache, e)))
		n++;
	return n;
}

/*
 * -EPERM comes of a folder that is not trusted, -EROFS mostly of one that was removed: what
 * is around it may only be read.
 */
static const char *error_text(int error)
{
	switch (error) {
	case -EPERM:
		return "the folder is somebody else's, or others may write to it";
	case -EROFS:
		return "the file system is read-only, or the folder has been removed: "
		       "then systemctl restart maildest-helper.service makes it again";
	}
	return strerror(-error);
}

static void tell_failure(struct rotation *r, int error)
{
	uint64_t now = deadline_boottime();

	if (r->told_usec > 0 && now < r->told_usec + TELL_USEC)
		return;
	r->told_usec = now;
	report_rotation_not_kept(r->folder, count_unsaved(r), error_text(error));
}

/* Without the timer, it is tried again with the next record. */
static void arm(struct rotation *r)
{
	uint64_t now = deadline_boottime(), next = r->sweep_usec;

	if (cache_next_unsaved(r->cache, NULL))
		next = MIN_OF(next, now + RETRY_USEC);
	if (sd_event_source_set_time(r->timer, next) >= 0)
		(void)sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT);
}

/*
 * Looks whether the wall clock has been set since it was last looked at. If it was slow,
 * records that seem unused may have been written just before.
 */
static void watch_clock(struct rotation *r)
{
	uint64_t boottime = deadline_boottime();
	time_t now = time(NULL);
	int64_t offset = now - (int64_t)(boottime / USEC_PER_SEC);
	int64_t moved = offset - r->clock_offset_sec;

	r->clock_offset_sec = offset;
	if (moved >= -CLOCK_SLACK_SEC && moved <= CLOCK_SLACK_SEC)
		return;
	r->clock_since_usec = boottime;
	if (moved > 0)
		rotation_renew(r->folder, now - ROTATION_UNUSED_SEC, now);
}

/* Nothing goes by a clock that has not been watched for long enough. */
static void sweep(struct rotation *r)
{
	watch_clock(r);
	if (deadline_boottime() < r->clock_since_usec + ROTATION_WATCH_SEC * USEC_PER_SEC)
		return;
	rotation_sweep(r->folder, time(NULL) - ROTATION_UNUSED_SEC - ROTATION_WATCH_SEC);
}

/* 0 or -errno. */
static int write_record(struct rotation *r, const char *name, const struct secret *record)
{
	unsigned lost;

	lost = rotation_make_room(r->folder, name, record->len > ROTATION_OVERHEAD);
	if (lost > 0)
		report_rotation_dropped(r->folder, lost);
	return rotation_write(r->folder, name, record);
}

/* Writes all that waits, until the first failure: 0 or -errno. */
static int write_unsaved(struct rotation *r)
{
	char name[ROTATION_NAME_SIZE];
	struct cache_entry *e;
	int x;

	while ((e = cache_next_unsaved(r->cache, NULL))) {
		x = find_name(cache_entry_key(e), name);
		if (x == 0)
			x = write_record(r, name, cache_entry_unsaved(e));
		if (x < 0)
			return x;
		cache_drop_unsaved(r->cache, cache_entry_key(e));
	}
	if (r->told_usec > 0)
		report_rotation_kept(r->folder);
	r->told_usec = 0;
	return 0;
}

static void retry(struct rotation *r)
{
	int x = cache_next_unsaved(r->cache, NULL) ? write_unsaved(r) : 0;

	if (x < 0)
		tell_failure(r, x);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct rotation *r = userdata;

	(void)source;
	(void)usec;
	retry(r);
	if (deadline_boottime() >= r->sweep_usec) {
		sweep(r);
		r->sweep_usec = deadline_boottime() + SWEEP_USEC;
	}
	arm(r);
	return 0;
}

void rotation_resume(struct rotation *r)
{
	retry(r);
	arm(r);
}

bool rotation_knows(const struct rotation *r, const struct cache_key *key)
{
	char name[ROTATION_NAME_SIZE];

	return cache_find_unsaved(r->cache, key) ||
	       (find_name(key, name) == 0 && rotation_exists(r->folder, name));
}

/* 1 with the record's bytes, 0 if there is none, -errno if it cannot be read. */
static int find_record(
    struct rotation *r, const struct cache_key *key, const char *name, struct secret *ret)
{
	const struct secret *unsaved = cache_find_unsaved(r->cache, key);
	int x;

	if (unsaved)
		x = secret_append(ret, unsaved->data, unsaved->len);
	else
		x = rotation_read(r->folder, name, ret);
	if (x == -ENOENT || x == -ENOTDIR) /* no such file, or not even such a folder */
		return 0;
	return x < 0 ? x : 1;
}

int rotation_load(
    struct rotation *r, const struct cache_entry *e, struct secret *ret, char **ret_why)
{
	const struct rotation_id id = id_of(e);
	_cleanup_secret_ struct secret record = {0};
	char name[ROTATION_NAME_SIZE];
	int x;

	watch_clock(r);
	x = find_name(cache_entry_key(e), name);
	if (x == 0)
		x = find_record(r, cache_entry_key(e), name, &record);
	if (x == 0 || x == -ENOMEM)
		return x;
	if (x > 0)
		x = rotation_open(&id, record.data, record.len, ret);
	if (x == -EBADMSG || x == -EFBIG)
		return reason_set(ret_why, -EBADMSG,
		    "what replaced the client's credential, in %s/%s, cannot be "
		    "opened: the file is damaged; the client needs a new credential",
		    r->folder, name);
	if (x < 0 && x != -ENOMEM)
		return reason_set(ret_why, x, "%s/%s cannot be read: %s", r->folder, name,
		    error_text(x));
	return x < 0 ? x : 1;
}

int rotation_keep(struct rotation *r, struct cache_entry *e, const char *token)
{
	const struct rotation_id id = id_of(e);
	_cleanup_secret_ struct secret record = {0};
	int x;

	x = rotation_seal(&id, token, &record);
	if (x == 0)
		x = cache_set_unsaved(r->cache, e, &record);
	if (x < 0)
		tell_failure(r, x);
	retry(r);
	arm(r);
	return x;
}

void rotation_use(struct rotation *r, const struct cache_entry *e)
{
	char name[ROTATION_NAME_SIZE];

	if (find_name(cache_entry_key(e), name) == 0)
		rotation_touch(r->folder, name, time(NULL));
}

void rotation_forget(struct rotation *r, const struct cache_entry *e)
{
	char name[ROTATION_NAME_SIZE];

	cache_drop_unsaved(r->cache, cache_entry_key(e));
	if (find_name(cache_entry_key(e), name) == 0)
		rotation_remove(r->folder, name);
}

struct rotation *rotation_free(struct rotation *r)
{
	if (!r)
		return NULL;
	if (r->cache) {
		watch_clock(r);
		retry(r);
	}
	sd_event_source_disable_unref(r->timer);
	free(r->folder);
	free(r);
	return NULL;
}

static void rotation_freep(struct rotation **r)
{
	rotation_free(*r);
}

int rotation_new(
    sd_event *event, struct cache *cache, const char *state_dir, struct rotation **ret)
{
	_cleanup_(rotation_freep) struct rotation *r = calloc(1, sizeof(*r));
	int x;

	if (!r)
		return -ENOMEM;
	x = rotation_folder(state_dir, &r->folder);
	if (x < 0)
		return x;
	r->cache = cache;
	r->sweep_usec = deadline_boottime() + SWEEP_USEC;
	x = sd_event_add_time(
	    event, &r->timer, CLOCK_BOOTTIME, r->sweep_usec, USEC_PER_SEC, on_timer, r);
	if (x < 0)
		return x;
	r->clock_since_usec = deadline_boottime();
	r->clock_offset_sec = time(NULL) - (int64_t)(r->clock_since_usec / USEC_PER_SEC);
	rotation_clean(r->folder);
	*ret = TAKE_PTR(r);
	return 0;
}
