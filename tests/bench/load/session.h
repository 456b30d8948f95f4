/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A client's session with one mail: straight at the upstream with TLS and a login of its
 * own, or in plain text without a login, as through maildest. All functions return 0 or
 * -errno, -EPROTO for an answer that was not the wished one.
 */

#include "connection.h"

enum target_tls {
	TARGET_PLAIN, /* no login either */
	TARGET_IMPLICIT,
	TARGET_STARTTLS,
};

/* What a protocol says at each step. */
struct dialogue {
	const char *name;
	/* Waits for the greeting, and says hello where that is the custom. */
	int (*greet)(struct connection *c);
	/* Asks for TLS, up to the go-ahead; then what has to be said again under TLS. */
	int (*ask_for_tls)(struct connection *c);
	int (*greet_again)(struct connection *c);
	int (*log_in)(struct connection *c);
	/* Reads a mail of `kib` KiB from the server, or sends it. */
	int (*mail)(struct connection *c, size_t kib);
	int (*leave)(struct connection *c);
};
extern const struct dialogue smtp_dialogue, imap_dialogue;

/* The client's whole SASL response: any token will do. */
extern const char session_xoauth2[];

/* Where sessions go to, and how. */
struct target {
	const struct dialogue *dialogue;
	uint16_t port;
	enum target_tls tls;
	SSL_CTX *context; /* borrowed; NULL if plain */
	size_t kib;	  /* of the mail */
};

/* `name` is smtp or imap; NULL for another. */
const struct dialogue *session_dialogue(const char *name);

/* A context that believes this authority alone; NULL if it cannot be read. */
SSL_CTX *session_context(const char *authority);

/*
 * Connects, goes through TLS and login, moves the mail, and stays connected. The
 * connection is the caller's to end with connection_done() in any case.
 */
_must_check_ int session_begin(struct connection *c, const struct target *t);

/* The goodbye, up to the server's answer. */
_must_check_ int session_end(struct connection *c, const struct target *t);
