/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * TLS sessions with mail servers, kept between connections so that a handshake can be a
 * resumption. What a session is, only the handler knows: text, here. Pure: time is a
 * parameter (microseconds of CLOCK_BOOTTIME). Everything is wiped when it goes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "secret.h"

/* One session, in characters; a ticket of 64 KiB (RFC 8446 4.6.1) is kept by nobody. */
#define TLS_SESSION_LENGTH_MAX ((size_t)24 * 1024)
/* Of all keys, and the memory that all of them take. */
#define TLS_SESSIONS_MAX 1024
#define TLS_SESSIONS_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define TLS_SESSIONS_OF_KEY_MAX 32
/* Whatever a server claims; RFC 8446 4.6.1 allows a week. */
#define TLS_SESSION_LIFETIME_MAX_SEC (INT64_C(24) * 60 * 60)

struct tls_sessions;

/* Whose session, and all that decided how the server was verified. */
struct tls_session_key {
	unsigned char owner[DIGEST_SHA256_SIZE]; /* binding_owner() */
	char context[DIGEST_SHA256_HEX_SIZE];	 /* as the handler says it */
	/* For tls_sessions_forget() alone: of the names in the owner; 0 for no tenant. */
	unsigned char destination[DIGEST_SHA256_SIZE], tenant[DIGEST_SHA256_SIZE];
};

/* 0 or -ENOMEM. */
_must_check_ int tls_sessions_new(struct tls_sessions **ret);
/* Wipes and frees; takes NULL; returns NULL. */
struct tls_sessions *tls_sessions_free(struct tls_sessions *t);

/*
 * Keeps a copy of a session for `lifetime_sec`, TLS_SESSION_LIFETIME_MAX_SEC at most; 0
 * or less is over already, and nothing is kept. One that is not for single use replaces
 * its key's last one of that kind; beyond TLS_SESSIONS_OF_KEY_MAX a key's oldest goes,
 * beyond the limits on all of them the key that was used longest ago. 0; -EMSGSIZE for
 * one longer than TLS_SESSION_LENGTH_MAX; -ENOMEM.
 */
_must_check_ int tls_sessions_put(struct tls_sessions *t,
    const struct tls_session_key *key, const char *session, int64_t lifetime_sec,
    bool single_use, uint64_t now);

/*
 * Appends the key's newest session to `ret`, and forgets it if it is for single use. 1,
 * or 0 if there is none, or -ENOMEM.
 */
_must_check_ int tls_sessions_get(struct tls_sessions *t,
    const struct tls_session_key *key, uint64_t now, struct secret *ret);

/* Forgets those of a destination, and of a tenant; with NULL, of any or none. */
void tls_sessions_forget(struct tls_sessions *t,
    const unsigned char destination[DIGEST_SHA256_SIZE], const unsigned char *tenant);

/* Forgets all whose life is over. */
void tls_sessions_expire(struct tls_sessions *t, uint64_t now);

/* How many are held. */
unsigned tls_sessions_count(const struct tls_sessions *t);
