/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The upstream: SMTP and IMAP servers that want a login by XOAUTH2 under TLS and accept
 * any token, and the token service that issues them. They do what an ordinary OpenSSL
 * server does, tickets included, and store nothing.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "connection.h"

/* What is shared by all connections. */
struct upstream {
	SSL_CTX *context;
	atomic_ulong logins, messages, token_requests;
};

/* One connection; each server's function returns when it has ended. */
struct visit {
	struct connection connection;
	struct upstream *upstream; /* borrowed */
	bool logged_in;
};

/* Each returns 0 after the client's goodbye, else why it ended: -errno. */
_must_check_ int smtp_serve(struct visit *v);
_must_check_ int imap_serve(struct visit *v);
/* POST: a new token. GET: the counters as JSON. */
_must_check_ int http_serve(struct visit *v);

/*
 * Serves on ports of its own choice, which it prints as one line of JSON, until it is
 * killed: {"smtp": N, "smtps": N, "imap": N, "imaps": N, "http": N}. -errno if it cannot.
 */
_must_check_ int upstream_run(const char *certificate, const char *key);
