/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two levels of lists: keys by their last use, and each key's sessions by age, so that
 * the newest is given first and the oldest goes first. Few enough to be searched one by
 * one. No I/O, no clock.
 */

#include "tls-sessions.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"

struct tls_session {
	struct tls_session *older;
	struct secret text;
	uint64_t expires_at;
	bool single_use;
};

struct tls_key {
	struct tls_key *previous, *next; /* most recently used first */
	struct tls_session_key key;
	struct tls_session *newest; /* never NULL between two calls */
};

struct tls_sessions {
	struct tls_key *first, *last;
	unsigned n;   /* sessions of all keys */
	size_t bytes; /* of memory for their texts */
};

/* What one key may hold fits, so that room for it is found by dropping other keys alone. */
_Static_assert(
    TLS_SESSIONS_OF_KEY_MAX <= TLS_SESSIONS_MAX &&
	TLS_SESSIONS_OF_KEY_MAX * 2 * TLS_SESSION_LENGTH_MAX <= TLS_SESSIONS_BYTES_MAX,
    "one key fits");

static struct tls_session *session_free(struct tls_session *s)
{
	if (!s)
		return NULL;
	secret_done(&s->text);
	free(s);
	return NULL;
}

static void session_freep(struct tls_session **s)
{
	session_free(*s);
}

/* Takes the session that *place refers to out of its key's list and wipes it. */
static void drop_session(struct tls_sessions *t, struct tls_session **place)
{
	struct tls_session *s = *place;

	*place = s->older;
	t->n--;
	t->bytes -= s->text.cap;
	session_free(s);
}

static void unlink_key(struct tls_sessions *t, struct tls_key *k)
{
	*(k->previous ? &k->previous->next : &t->first) = k->next;
	*(k->next ? &k->next->previous : &t->last) = k->previous;
	k->previous = k->next = NULL;
}

static void link_first(struct tls_sessions *t, struct tls_key *k)
{
	k->next = t->first;
	*(t->first ? &t->first->previous : &t->last) = k;
	t->first = k;
}

static void drop_key(struct tls_sessions *t, struct tls_key *k)
{
	while (k->newest)
		drop_session(t, &k->newest);
	unlink_key(t, k);
	free(k);
}

/* Drops a key's sessions whose life is over, and the key if none is left: whether it stays. */
static bool expire_key(struct tls_sessions *t, struct tls_key *k, uint64_t now)
{
	struct tls_session **place = &k->newest;

	while (*place) {
		if (now >= (*place)->expires_at)
			drop_session(t, place);
		else
			place = &(*place)->older;
	}
	if (!k->newest)
		drop_key(t, k);
	else
		return true;
	return false;
}

/* The key, now the most recently used one, or NULL. */
static struct tls_key *find(struct tls_sessions *t, const struct tls_session_key *key)
{
	for (struct tls_key *k = t->first; k; k = k->next) {
		if (memcmp(k->key.owner, key->owner, sizeof(key->owner)) != 0 ||
		    strcmp(k->key.context, key->context) != 0)
			continue;
		unlink_key(t, k);
		link_first(t, k);
		return k;
	}
	return NULL;
}

/* Makes room within one key: for a new session of that kind, and by number. */
static void make_room(struct tls_sessions *t, struct tls_key *k, bool single_use)
{
	struct tls_session **place = &k->newest;

	for (unsigned n = 1; *place;) {
		if (n == TLS_SESSIONS_OF_KEY_MAX ||
		    (!single_use && !(*place)->single_use)) {
			drop_session(t, place);
			continue;
		}
		place = &(*place)->older;
		n++;
	}
}

static int make_session(const char *text, int64_t lifetime_sec, bool single_use,
    uint64_t now, struct tls_session **ret)
{
	_cleanup_(session_freep) struct tls_session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = secret_puts(&s->text, text);
	if (r < 0)
		return r;
	lifetime_sec = MIN_OF(lifetime_sec, TLS_SESSION_LIFETIME_MAX_SEC);
	s->expires_at = now + (uint64_t)lifetime_sec * USEC_PER_SEC;
	s->single_use = single_use;
	*ret = TAKE_PTR(s);
	return 0;
}

int tls_sessions_put(struct tls_sessions *t, const struct tls_session_key *key,
    const char *session, int64_t lifetime_sec, bool single_use, uint64_t now)
{
	_cleanup_(session_freep) struct tls_session *s = NULL;
	struct tls_key *k;
	int r;

	if (strlen(session) > TLS_SESSION_LENGTH_MAX)
		return -EMSGSIZE;
	if (lifetime_sec <= 0)
		return 0;
	r = make_session(session, lifetime_sec, single_use, now, &s);
	if (r < 0)
		return r;
	k = find(t, key);
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return -ENOMEM;
		k->key = *key;
		link_first(t, k);
	}
	make_room(t, k, single_use);
	s->older = k->newest;
	k->newest = s;
	t->n++;
	t->bytes += TAKE_PTR(s)->text.cap;
	while (t->n > TLS_SESSIONS_MAX || t->bytes > TLS_SESSIONS_BYTES_MAX)
		drop_key(t, t->last);
	return 0;
}

int tls_sessions_get(struct tls_sessions *t, const struct tls_session_key *key,
    uint64_t now, struct secret *ret)
{
	struct tls_key *k = find(t, key);
	int r;

	if (!k || !expire_key(t, k, now))
		return 0;
	r = secret_append(ret, k->newest->text.data, k->newest->text.len);
	if (r < 0)
		return r;
	if (k->newest->single_use)
		drop_session(t, &k->newest);
	if (!k->newest)
		drop_key(t, k);
	return 1;
}

void tls_sessions_forget(struct tls_sessions *t,
    const unsigned char destination[DIGEST_SHA256_SIZE], const unsigned char *tenant)
{
	struct tls_key *next;

	for (struct tls_key *k = t->first; k; k = next) {
		next = k->next;
		if (memcmp(k->key.destination, destination, DIGEST_SHA256_SIZE) == 0 &&
		    (!tenant || memcmp(k->key.tenant, tenant, DIGEST_SHA256_SIZE) == 0))
			drop_key(t, k);
	}
}

void tls_sessions_expire(struct tls_sessions *t, uint64_t now)
{
	struct tls_key *next;

	for (struct tls_key *k = t->first; k; k = next) {
		next = k->next;
		(void)expire_key(t, k, now); /* gone or not, we go on */
	}
}

unsigned tls_sessions_count(const struct tls_sessions *t)
{
	return t->n;
}

int tls_sessions_new(struct tls_sessions **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct tls_sessions *tls_sessions_free(struct tls_sessions *t)
{
	while (t && t->first)
		drop_key(t, t->first);
	free(t);
	return NULL;
}
