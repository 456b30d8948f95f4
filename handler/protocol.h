/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What differs between SMTP, IMAP and POP3: syntax. The order of a login is written once, in
 * login.c and sasl.c; the order of a session in session.c. Each protocol supplies these
 * verbs.
 *
 * Verbs towards the server return 0 or -errno with the reason noted in the upstream:
 * -EPROTO the server broke the protocol; -EBUSY it refuses service for the time being;
 * -EACCES it refused the login; -EOPNOTSUPP it lacks what we need; others from the
 * stream.
 */

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"
#include "upstream.h"

struct exchange;
struct refusal;

struct protocol {
	const char *name;     /* "SMTP" */
	const char *tls_name; /* mail.transport.protocol for TLS from the first byte */
	uint64_t idle_usec;   /* the relay's and the waiting client's limit */
	/* for the server to end after the client did, under TLS 1.2 */
	uint64_t drain_usec;
	/* How long a token had better stay valid: some servers end a session with its token. */
	uint64_t token_lifetime_sec;
	bool starts_with_letter; /* whatever a client sends first */

	/* Reads the greeting, notes it (upstream's `greeting`) and what it advertises. */
	int (*greeting)(struct upstream *u);
	/* Makes sure that capabilities are known: asks if they are not. */
	int (*capabilities)(struct upstream *u);
	/* Asks for TLS; on 0 the handshake may begin. */
	int (*starttls)(struct upstream *u);
	/* Whether an initial response of `len` encoded bytes may ride on the command. */
	bool (*takes_initial)(
	    const struct upstream *u, const char *mechanism, size_t len);
	/*
	 * Sends AUTH with the encoded initial response ("" if empty, NULL for none), or
	 * an encoded answer. 0 accepted; 1 a challenge, its encoded text appended to
	 * `challenge`; -errno.
	 */
	int (*auth)(struct upstream *u, const char *mechanism, const char *initial,
	    struct secret *challenge);
	int (*answer)(struct upstream *u, const char *encoded, struct secret *challenge);
	/*
	 * IMAP's LOGIN command (RFC 9051 6.2.3), POP3's USER and PASS (RFC 1939 7), with ASCII
	 * in both; NULL where there is none.
	 */
	int (*login)(struct upstream *u, const char *user, const char *password);
	/* Says goodbye and waits for the answer, briefly. */
	int (*goodbye)(struct upstream *u);

	/*
	 * Greets the client, by what its login is for (enum exchange_access): with what the server
	 * can do if that is known, or in the server's own words. 0 or -errno, as an
	 * exchange_reply().
	 */
	int (*greet)(struct exchange *x);
	/*
	 * Answers the client, which has been greeted, until the relay starts. 0: relay, beginning
	 * with the client's unconsumed input; 1: the client has said goodbye; -errno with the
	 * exchange's reason noted.
	 */
	int (*converse)(struct exchange *x);
	/*
	 * Passes on what the server says while the client has not started the relay: 0 to
	 * go on; -ESHUTDOWN if the server said goodbye and the client has been told in
	 * its words; -errno.
	 */
	int (*unasked)(struct exchange *x);
	/*
	 * After a refusal of access as the greeting: answers what is still said with refusals, to
	 * the client's goodbye or the deadline. NULL where a server closes at once.
	 */
	void (*dismiss)(struct stream *client, uint64_t deadline);
	/* Appends the reply for a failure, as the greeting or unasked. 0 or -ENOMEM. */
	int (*refuse)(
	    struct secret *out, const struct refusal *refusal, const char *session);
};

extern const struct protocol protocol_smtp;
extern const struct protocol protocol_imap;
extern const struct protocol protocol_pop3;
