/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a session gets from maildest-helper (io.maildest.Helper): a destination that lies
 * in a Destination service, an access token, the way through the Connectivity proxy, the
 * TLS session of an earlier connection, and whether a client's own login is right. The
 * connection is bound to one service and destination with its first message, before
 * anything from outside is read, and the helper answers it for nothing else. A helper that
 * dies before it has answered is asked again, as the service manager brings it back, until
 * the walls close: token_keep_link().
 */

#include "helper-link.h"
#include "service.h"
#include "tls.h"

/* What a client says it is. */
struct token_login {
	const char *user;
	const char *password;
};

/* All borrowed for the source's life. */
struct token_request {
	const char *path; /* of the helper's socket */
	const struct service *service;
	const char *client; /* access_caller(), where its login is checked; else NULL */
	bool wants_destination; /* what the service's instance knows of it */
	/* tls_policy_context(); NULL: no TLS session is wanted */
	const char *tls_context;
	bool wants_proxy; /* where the Connectivity proxy is, and a token for it */
	bool wants_token;
	const char *credential; /* the client's refresh token or code, or NULL */
	/* The token shall stay valid for so long, as far as one fetch can give that (the
	 * helper counts at most half of a whole life). */
	uint64_t lifetime_sec;
	const struct token_login *login; /* to be checked, or NULL */
};

/* The Connectivity proxy's SOCKS5 port, and what it lets us in with. */
struct token_proxy {
	char *host; /* owned; NULL until it is known */
	uint16_t port;
	struct secret jwt;
};

/* What the helper has been asked and not yet answered, in this order. */
enum token_call {
	TOKEN_CALL_OPEN,
	TOKEN_CALL_DESTINATION,
	TOKEN_CALL_PROXY,
	TOKEN_CALL_TLS_SESSION,
	TOKEN_CALL_TOKEN,
	TOKEN_CALL_CLIENT,
	TOKEN_CALL_MAX,
};

struct token_source {
	struct helper_link link;
	struct token_request request;
	enum token_call unanswered[TOKEN_CALL_MAX];
	unsigned n_unanswered;
	/* a token has been rejected: another connection would not know which */
	bool is_bound;
	struct secret destination; /* JSON, once its reply has come */
	bool accepted;		   /* likewise, the client's login */
	struct token_proxy proxy;  /* likewise */
	struct secret tls_session; /* likewise; empty if there is none */
};
#define TOKEN_SOURCE_INIT                 \
	{                                 \
		.link = HELPER_LINK_INIT, \
	}

void token_source_done(struct token_source *t);
#define _cleanup_token_source_ _cleanup_(token_source_done)

/*
 * Connects and sends OpenSession, GetDestination, GetConnectivityProxy, GetTlsSession and
 * GetToken, as far as they are wanted, in one piece; the answers are awaited by
 * token_wait() and its siblings. 0; -ENOTCONN with *ret_why (malloc'd) if the helper
 * cannot be reached or is not trusted; -EAGAIN with *ret_why if its queue stayed full
 * until the deadline.
 */
_must_check_ int token_open(struct token_source *t, const struct token_request *request,
    uint64_t deadline, char **ret_why);

/* Takes over a connected socket instead, for tests; what breaks stays broken. As token_open(). */
_must_check_ int token_open_fd(struct token_source *t, int fd,
    const struct token_request *request, uint64_t deadline, char **ret_why);

/*
 * Asks on the connection that has been opened for what `request` wants, its path apart,
 * which from then on is what a helper is asked that has died. As token_open().
 */
_must_check_ int token_go_on(struct token_source *t, const struct token_request *request,
    uint64_t deadline, char **ret_why);

/*
 * From now on there is only the connection that there is, as another one is out of reach
 * (confine.h): if it breaks, calls fail with -ENOTCONN.
 */
void token_keep_link(struct token_source *t);

/* Waits for t->destination: 0, or as token_wait(). */
_must_check_ int token_wait_destination(
    struct token_source *t, uint64_t deadline, char **ret_why);

/*
 * Asks whether a client's login is one of the service's: 1, 0 if it is not, or as
 * token_wait(). Both are UTF-8.
 */
_must_check_ int token_check_client(struct token_source *t,
    const struct token_login *login, uint64_t deadline, char **ret_why);

/*
 * Asks for a token by the client's refresh token or code, on the connection that has been
 * opened without; `credential` is borrowed for the source's life. 0, or as token_open().
 */
_must_check_ int token_ask(
    struct token_source *t, const char *credential, uint64_t deadline, char **ret_why);

/*
 * Waits for the token that has been asked for. 0 and the token appended to `ret`; else,
 * with *ret_why (malloc'd, foreign text escaped): -EINVAL the destination is wrong;
 * -ENOKEY refused for good by the token service; -EKEYREVOKED the client's credential
 * was; -EACCES refused by the mail server before; -EAGAIN not now; -ENOTCONN the helper
 * is gone or broke the protocol.
 */
_must_check_ int token_wait(
    struct token_source *t, uint64_t deadline, struct secret *ret, char **ret_why);

/*
 * Waits for t->tls_session alone, where no token is wanted. Whatever goes wrong, there is
 * none, and the helper is not asked again.
 */
void token_wait_tls_session(struct token_source *t, uint64_t deadline);

/* Waits for t->proxy: 0, or as token_wait(). */
_must_check_ int token_wait_proxy(
    struct token_source *t, uint64_t deadline, char **ret_why);

/* Says that the Connectivity proxy refused its token, asks for a different one and waits for it. */
_must_check_ int token_reject_proxy(
    struct token_source *t, uint64_t deadline, char **ret_why);

/* Says that the mail server refused `token`, and asks for a different one; then token_wait(). */
_must_check_ int token_reject(struct token_source *t, const struct secret *token,
    uint64_t deadline, char **ret_why);

/*
 * Hands a TLS session over for later connections, without waiting; if the helper does not
 * take it, they do full handshakes.
 */
void token_keep_tls_session(struct token_source *t, const struct tls_session *session);
