/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tls*.c files share; for nobody else. */

#include <openssl/ssl.h>
#include <stdbool.h>

#include "config.h"
#include "tls-policy.h"
#include "tls.h"

/* A file of anchors that has been read and not looked at. */
struct tls_unread {
	struct config_file file; /* owned */
	const char *password;	 /* of a PKCS#12 store, or NULL; borrowed */
};

struct tls_context {
	SSL_CTX *ctx; /* owned */
	struct tls_policy policy;
	const char *anchors; /* tls_context_anchors() */
	struct tls_unread unread[2];
	unsigned n_unread;
};

struct tls {
	SSL *ssl; /* owned */
	const struct tls_context *context;
	short events;
	bool truncated;
	int failure; /* -errno of reading, after which nothing comes any more; or 0 */
	uint64_t believed_until; /* of the session that was offered; see tls-resume.c */
	SSL_SESSION *sessions[TLS_SESSIONS_MAX]; /* owned; the newest last */
	unsigned n_sessions;
};

/* OpenSSL has a session for later connections: keeps it (1). */
int tls_on_new_session(SSL *ssl, SSL_SESSION *session);

/* Lets go of the sessions that nobody took. */
void tls_drop_sessions(struct tls *tls);
