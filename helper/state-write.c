/* SPDX-License-Identifier: Apache-2.0 */
/* From the cache to bytes. What is over when it is written is left out. */

#include "state.h"

#include <errno.h>
#include <string.h>

#include "state-layout.h"

static int put(struct secret *out, const void *bytes, size_t n)
{
	return secret_append(out, bytes, n);
}

static int put_string(struct secret *out, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	uint32_t length = (uint32_t)n;
	int r;

	if (n > UINT32_MAX)
		return -ENOMEM;
	r = put(out, &length, sizeof(length));
	return r < 0 ? r : put(out, text ? text : "", n);
}

/* As long as rotation-seal.h allows. */
static int put_record(struct secret *out, const struct secret *record)
{
	uint32_t length = (uint32_t)record->len;
	int r;

	r = put(out, &length, sizeof(length));
	return r < 0 ? r : put(out, secret_str(record), record->len);
}

static int put_digests(struct secret *out, const struct cache_entry *e)
{
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(state_digests) && r == 0; i++)
		r = put(out, (const char *)e + state_digests[i], DIGEST_SHA256_SIZE);
	return r;
}

static int put_names(struct secret *out, const struct binding *b)
{
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(state_names) && r == 0; i++)
		r = put_string(out,
		    *(char *const *)(const void *)((const char *)b + state_names[i]));
	return r;
}

/* The times of a token are written only with the token. */
static bool is_of_token(size_t moment)
{
	return moment == offsetof(struct cache_entry, fetched_at) ||
	       moment == offsetof(struct cache_entry, expires_at) ||
	       moment == offsetof(struct cache_entry, renew_at);
}

static int put_moments(struct secret *out, const struct cache_entry *e, bool have_token)
{
	static const uint64_t never;
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(state_moments) && r == 0; i++)
		r = put(out,
		    have_token || !is_of_token(state_moments[i])
			? (const char *)e + state_moments[i]
			: (const char *)&never,
		    sizeof(uint64_t));
	return r;
}

static int put_failures(struct secret *out, const struct cache_entry *e)
{
	uint32_t failures = e->failures, failure = failures > 0 ? e->failure : 0;
	int r;

	r = put(out, &failures, sizeof(failures));
	return r < 0 ? r : put(out, &failure, sizeof(failure));
}

static int put_entry(struct secret *out, const struct cache_entry *e, bool have_token)
{
	bool has_failed = e->failures > 0;
	int r;

	r = put_digests(out, e);
	if (r == 0)
		r = put_moments(out, e, have_token);
	if (r == 0)
		r = put_failures(out, e);
	if (r == 0)
		r = put_names(out, &e->binding);
	if (r == 0)
		r = put_string(out, have_token ? e->token.data : NULL);
	if (r == 0)
		r = put_string(out, e->rejected_sha256);
	if (r == 0)
		r = put_string(out, has_failed ? e->error : NULL);
	if (r == 0)
		r = put_string(out, has_failed ? e->reason : NULL);
	return r < 0 ? r : put_record(out, &e->unsaved);
}

int state_write(const struct cache *c, uint64_t generation, uint64_t now,
    struct secret *out, unsigned *ret_entries)
{
	struct state_header header = {.version = STATE_VERSION, .generation = generation};
	int r;

	memcpy(header.magic, STATE_MAGIC, sizeof(header.magic));
	r = put(out, &header, sizeof(header));
	for (const struct cache_entry *e = c->first; e && r == 0; e = e->next) {
		bool have_token = e->token.len > 0 && now < e->expires_at;

		if (!have_token && !cache_entry_remembers(e, now))
			continue;
		r = put_entry(out, e, have_token);
		header.entries++;
	}
	if (r < 0)
		return r;
	header.length = out->len;
	memcpy(out->data, &header, sizeof(header));
	r = digest_sha256(
	    out->data + STATE_DIGESTED, out->len - STATE_DIGESTED, header.digest);
	if (r < 0)
		return r;
	memcpy(out->data, &header, sizeof(header));
	*ret_entries = header.entries;
	return 0;
}
