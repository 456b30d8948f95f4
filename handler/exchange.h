/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The client's side until the relay starts: lines from the client and replies to it,
 * while the server is watched, whose unasked words must reach a client that is still
 * silent. What may not speak to a mail port at all (a web browser, a TLS handshake) is
 * recognised here.
 */

#include "protocol.h"
#include "settings.h"

/* A command line of a client, and one that carries a SASL response (RFC 4954 4 asks for 12288). */
#define CLIENT_LINE_MAX ((size_t)8 * 1024)
#define CLIENT_SASL_MAX ((size_t)64 * 1024)
/* Commands that are none of ours before the client is sent away. */
#define CLIENT_ERRORS_MAX 5

/* What stands between a client and its mailbox. */
enum exchange_access {
	ACCESS_LOGGED_IN, /* nothing: we have logged in, and any login of the client's will do */
	/* its XOAUTH2 or OAUTHBEARER, which carries a refresh token or a code */
	ACCESS_CLIENT_GRANT,
	ACCESS_PASS_THROUGH, /* the server: the client's own login, if it has any, goes there */
};

struct exchange {
	struct stream *client;	   /* borrowed */
	struct upstream *upstream; /* borrowed; connected, and logged in if we do that */
	enum exchange_access access;
	/*
	 * ACCESS_CLIENT_GRANT: logs in upstream with what the client sent. 0: the upstream is
	 * logged in and its capabilities are known; -errno with `login_why` noted:
	 * -EKEYREVOKED the grant is refused, -EACCES the server refuses who it stands for;
	 * others may heal. Another try may follow.
	 */
	int (*log_in)(struct exchange *x, const struct secret *credential);
	/*
	 * CLIENT_LOGIN_REQUIRED: 0 if user and password are among those that the service
	 * knows; -EKEYREVOKED if not; another -errno, if that cannot be told, with
	 * `login_why`.
	 */
	int (*check_login)(
	    struct exchange *x, const struct secret *user, const struct secret *password);
	void *userdata;	  /* of both */
	const char *user; /* the one user whom a client may name; borrowed */
	bool logged_in;	  /* log_in or check_login has succeeded */
	int login_error;  /* -errno of the client's last login, if that failed; else 0 */
	char *login_why;  /* ... and why; owned */
	const struct protocol *protocol;
	const char *our_name; /* towards the client: "maildest.<fqdn>"; borrowed */
	const char *session;  /* borrowed */
	enum client_login client_login;
	bool heard; /* the client's first byte has been judged */
	unsigned errors;
	uint64_t bytes_in, bytes_out; /* carried between the two in line mode */
	char *why; /* for the journal; owned; NULL if nothing went wrong */
};

/* Whether the client's grant is still to come, and the server's login with it. */
static inline bool exchange_needs_grant(const struct exchange *x)
{
	return x->access == ACCESS_CLIENT_GRANT && !x->logged_in;
}

/* Whether the client's own user and password are to be checked. */
static inline bool exchange_checks_login(const struct exchange *x)
{
	return x->access == ACCESS_LOGGED_IN && x->client_login == CLIENT_LOGIN_REQUIRED;
}

/* Whether commands for the mailbox may go to the server now. */
static inline bool exchange_is_open(const struct exchange *x)
{
	return !exchange_needs_grant(x) && (!exchange_checks_login(x) || x->logged_in);
}

/* What a client's command leads to; -errno ends the exchange. */
enum exchange_next {
	NEXT_COMMAND,
	NEXT_RELAY,
	NEXT_GOODBYE, /* the client has ended; the server is yet to be told */
	NEXT_END,     /* both know */
};

void exchange_done(struct exchange *x);
#define _cleanup_exchange_ _cleanup_(exchange_done)

/* Notes why the exchange ends, once, and returns `error`. */
int exchange_fail(struct exchange *x, int error, const char *format, ...) _printf_(3, 4);

/* The same: "<what>: '<quoted>'" with foreign text escaped and cut. */
int exchange_fail_quoting(
    struct exchange *x, int error, const char *what, const char *quoted, size_t len);

/*
 * Waits for the client's next line of at most `max` bytes, which stays until
 * stream_drop_line(). 1; 0 if the client will send no more; -EMSGSIZE; -EPERM if it
 * speaks something else; -ETIME; -ESHUTDOWN and others if the server ended the session
 * meanwhile.
 */
_must_check_ int exchange_line(struct exchange *x, size_t max, struct line *ret);

/*
 * Drops what came of an overlong line, up to its end; how it ended, its last bytes without the
 * line end, is appended to `ret_tail` if that is not NULL. 0, or as exchange_line().
 */
_must_check_ int exchange_skip_line(struct exchange *x, struct secret *ret_tail);

/* Waits for `n` bytes of input (a literal): 1, 0 if the client ended first, or -errno. */
_must_check_ int exchange_bytes(struct exchange *x, size_t n);

/*
 * Judges what the client sent before it was spoken to, without waiting: 0, or -EPERM. The
 * upstream need not be connected yet.
 */
_must_check_ int exchange_judge_early(struct exchange *x);

/*
 * Reads all that the server has said unasked into its stream's input: 1; 0 if the server
 * has closed the connection; -EPROTO if it says more than any server should.
 */
_must_check_ int exchange_hear_server(struct exchange *x);

/*
 * struct protocol's unasked where a server may, out of turn, only say that it closes, in a
 * reply that begins with `goodbye`.
 */
_must_check_ int exchange_pass_on_goodbye(struct exchange *x, const char *goodbye);

/*
 * struct protocol's converse of ACCESS_PASS_THROUGH: what the client says first is judged;
 * everything then is between it and the server.
 */
_must_check_ int exchange_pass_through(struct exchange *x);

/* Sends a reply to the client: 0, -ECONNABORTED if it is gone, -ETIMEDOUT if it does not read. */
_must_check_ int exchange_reply(struct exchange *x, const char *format, ...)
    _printf_(2, 3);
_must_check_ int exchange_send(struct exchange *x, const struct secret *reply);

/*
 * Ends a client's dialogue: tells the server goodbye if `next` is NEXT_GOODBYE. Returns
 * what struct protocol's converse returns: 0 to relay, 1 if the session is over, -errno
 * as it came.
 */
_must_check_ int exchange_finish(struct exchange *x, int next);

/* Counts a command that is none of ours: 0, or -EOVERFLOW after the last one allowed. */
_must_check_ int exchange_count_error(struct exchange *x);
