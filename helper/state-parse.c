/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to entries. The digest tells a state that was cut or damaged from one that
 * is whole; the rest is checked all the same, since a digest says nothing about sense:
 * what is wrong in one place makes all of it worth nothing.
 */

#include "state.h"

#include <errno.h>
#include <string.h>

#include "parameters.h"
#include "rotation-seal.h"
#include "state-layout.h"
#include "text.h"
#include "token-reply.h"
#include "utf8.h"

/* Longer than what reasons are cut to when they come (LOG_FOREIGN_MAX). */
#define TEXT_LENGTH_MAX 2048

/* The bytes not read yet. */
struct reader {
	const char *at;
	size_t left;
};

static void entry_freep(struct cache_entry **e)
{
	cache_entry_free(*e);
}

static bool take(struct reader *in, void *ret, size_t n)
{
	if (n > in->left)
		return false;
	memcpy(ret, in->at, n);
	in->at += n;
	in->left -= n;
	return true;
}

/* The next string, of at most `max` bytes, none of them NUL; borrowed and not ended. */
static bool take_text(struct reader *in, size_t max, const char **ret, size_t *ret_n)
{
	uint32_t n;

	if (!take(in, &n, sizeof(n)) || n > max || n > in->left ||
	    memchr(in->at, '\0', n))
		return false;
	*ret = in->at;
	*ret_n = n;
	in->at += n;
	in->left -= n;
	return true;
}

/* A copy, or NULL for an empty one: 0, -EBADMSG or -ENOMEM. */
static int take_string(struct reader *in, size_t max, char **ret)
{
	const char *text;
	size_t n;

	if (!take_text(in, max, &text, &n))
		return -EBADMSG;
	*ret = n > 0 ? strndup(text, n) : NULL;
	return n > 0 && !*ret ? -ENOMEM : 0;
}

static int take_names(struct reader *in, struct binding *b)
{
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(state_names) && r == 0; i++)
		r = take_string(
		    in, TEXT_LENGTH_MAX, (void *)((char *)b + state_names[i]));
	if (r < 0)
		return r;
	return b->service && b->destination && binding_is_well_formed(b) ? 0 : -EBADMSG;
}

static int take_token(struct reader *in, struct cache_entry *e)
{
	const char *text;
	size_t n;
	int r;

	if (!take_text(in, TOKEN_LENGTH_MAX, &text, &n))
		return -EBADMSG;
	if (n == 0)
		return 0;
	r = secret_append(&e->token, text, n);
	if (r < 0)
		return r;
	if (!token_is_valid(e->token.data))
		return -EBADMSG;
	return digest_sha256_hex(e->token.data, n, e->sha256);
}

static bool take_rejected(struct reader *in, struct cache_entry *e)
{
	const char *text;
	size_t n;

	if (!take_text(in, sizeof(e->rejected_sha256) - 1, &text, &n))
		return false;
	memcpy(e->rejected_sha256, text, n); /* the rest is 0 */
	return n == 0 ? e->rejected_at == 0
		      : e->rejected_at > 0 && parameter_is_sha256(e->rejected_sha256);
}

static bool take_failures(struct reader *in, struct cache_entry *e)
{
	uint32_t failures, failure;

	if (!take(in, &failures, sizeof(failures)) ||
	    !take(in, &failure, sizeof(failure)))
		return false;
	if (failures == 0)
		return failure == 0 && e->failure_until == 0;
	e->failures = failures;
	e->failure = (enum cache_verdict)failure;
	return failure == CACHE_REFUSED || failure == CACHE_UNAVAILABLE ||
	       failure == CACHE_DESTINATION_INVALID;
}

/* One line as it may stand in a record, or none at all. */
static bool is_text(const char *text)
{
	return !text || (!text_has_control(text) && utf8_is_valid(text, strlen(text)));
}

static int take_failure_texts(struct reader *in, struct cache_entry *e)
{
	int r;

	r = take_string(in, TEXT_LENGTH_MAX, &e->error);
	if (r == 0)
		r = take_string(in, TEXT_LENGTH_MAX, &e->reason);
	if (r < 0)
		return r;
	if (!is_text(e->error) || !is_text(e->reason))
		return -EBADMSG;
	return e->failures > 0 || (!e->error && !e->reason) ? 0 : -EBADMSG;
}

/* What it says is known only to whoever has the credential. */
static int take_record(struct reader *in, struct secret *ret)
{
	const char *at;
	uint32_t n;

	if (!take(in, &n, sizeof(n)) || n > ROTATION_SIZE_MAX || n > in->left)
		return -EBADMSG;
	at = in->at;
	in->at += n;
	in->left -= n;
	return n > 0 ? secret_append(ret, at, n) : 0;
}

static bool take_digests(struct reader *in, struct cache_entry *e)
{
	for (size_t i = 0; i < ELEMENTSOF(state_digests); i++)
		if (!take(in, (char *)e + state_digests[i], DIGEST_SHA256_SIZE))
			return false;
	return true;
}

static bool take_moments(struct reader *in, struct cache_entry *e)
{
	for (size_t i = 0; i < ELEMENTSOF(state_moments); i++)
		if (!take(in, (char *)e + state_moments[i], sizeof(uint64_t)))
			return false;
	return true;
}

/* Whether the moments can have come about by `now`. */
static bool are_plausible(const struct cache_entry *e, uint64_t now)
{
	if (e->used_at > now || e->rejected_at > now || e->replaced_at > now ||
	    e->identity_refused_until > now + CACHE_REFUSAL_USEC ||
	    e->failure_until > now + CACHE_PAUSE_MAX_USEC || e->accepted_at > now)
		return false;
	if (e->token.len == 0)
		return e->fetched_at == 0 && e->expires_at == 0 && e->renew_at == 0;
	return e->fetched_at > 0 && e->fetched_at <= now &&
	       e->expires_at > e->fetched_at &&
	       e->expires_at - e->fetched_at <= TOKEN_LIFETIME_MAX_SEC * USEC_PER_SEC &&
	       e->renew_at >= e->fetched_at && e->renew_at <= e->expires_at;
}

static int take_entry(struct reader *in, uint64_t now, struct cache_entry **ret)
{
	_cleanup_(entry_freep) struct cache_entry *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	if (!take_digests(in, e) || !take_moments(in, e) || !take_failures(in, e))
		return -EBADMSG;
	r = take_names(in, &e->binding);
	if (r == 0)
		r = binding_owner(&e->binding, e->key.owner);
	if (r == 0)
		r = take_token(in, e);
	if (r == 0 && !take_rejected(in, e))
		r = -EBADMSG;
	if (r == 0)
		r = take_failure_texts(in, e);
	if (r == 0)
		r = take_record(in, &e->unsaved);
	if (r < 0)
		return r;
	if (!are_plausible(e, now))
		return -EBADMSG;
	*ret = TAKE_PTR(e);
	return 0;
}

static void freep(struct cache **c)
{
	cache_free(*c);
}

static bool is_known(const struct cache *c, const struct cache_key *key)
{
	for (const struct cache_entry *e = c->first; e; e = e->next)
		if (memcmp(&e->key, key, sizeof(*key)) == 0)
			return true;
	return false;
}

/* Why the header is none that these bytes can have, or NULL. */
static const char *find_fault(const struct state_header *h, const void *bytes, size_t n)
{
	unsigned char digest[DIGEST_SHA256_SIZE];

	if (memcmp(h->magic, STATE_MAGIC, sizeof(h->magic)) != 0)
		return "it holds something else";
	if (h->version != STATE_VERSION)
		return "it is of another version of the helper";
	if (h->length != n)
		return "it is not complete";
	if (digest_sha256(
		(const char *)bytes + STATE_DIGESTED, n - STATE_DIGESTED, digest) < 0 ||
	    memcmp(digest, h->digest, sizeof(digest)) != 0)
		return "it is damaged: its digest is wrong";
	if (h->entries > CACHE_ENTRIES_MAX)
		return "it has too many entries";
	if (h->generation == 0 || h->generation > INT64_MAX)
		return "its generation makes no sense";
	return NULL;
}

static int take_entries(
    struct reader *in, unsigned n, uint64_t now, struct cache *c, const char **ret_why)
{
	struct cache_entry *e;
	int r;

	for (unsigned i = 0; i < n; i++) {
		r = take_entry(in, now, &e);
		if (r == -EBADMSG)
			*ret_why = "an entry makes no sense";
		if (r < 0)
			return r;
		if (is_known(c, &e->key)) {
			cache_entry_free(e);
			*ret_why = "it has the same entry twice";
			return -EBADMSG;
		}
		cache_append(c, e);
	}
	return 0;
}

int state_parse(const void *bytes, size_t n, uint64_t now, struct cache **ret,
    uint64_t *ret_generation, const char **ret_why)
{
	struct reader in = {.at = bytes, .left = n};
	_cleanup_(freep) struct cache *c = NULL;
	struct state_header header;
	int r;

	*ret_why = "it is too short";
	if (!take(&in, &header, sizeof(header)))
		return -EBADMSG;
	*ret_why = find_fault(&header, bytes, n);
	if (*ret_why)
		return -EBADMSG;
	r = cache_new(0, &c);
	if (r == 0)
		r = take_entries(&in, header.entries, now, c, ret_why);
	if (r < 0)
		return r;
	if (in.left > 0) {
		*ret_why = "it goes on behind its last entry";
		return -EBADMSG;
	}
	*ret = TAKE_PTR(c);
	*ret_generation = header.generation;
	return 0;
}
