/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One mail connection, from its first moment to its record: everything that needs the
 * host first, then the login upstream, the dialogue with the client, the relay.
 */

#include <netdb.h>
#include <stdint.h>

#include "access-caller.h"
#include "destination.h"
#include "digest.h"
#include "exchange.h"
#include "login.h"
#include "protocol.h"
#include "record.h"
#include "service.h"
#include "settings.h"
#include "tls-cache.h"
#include "tls-keys.h"
#include "token.h"

/* The whole login, its one retry included: our 421 must beat the client's own time-out. */
#define SESSION_LOGIN_USEC (25 * UINT64_C(1000000))

/* A server's silence after which a client's early end is passed on; see relay.h. */
#define SESSION_SETTLE_USEC (5 * UINT64_C(1000000))

/* What a session is to do. Strings borrowed. */
struct session_request {
	struct service service;
	const char *config_dir;	   /* NULL: the default */
	const char *helper_socket; /* NULL: the default */
	uint64_t settle_usec;	   /* SESSION_SETTLE_USEC, or less in tests */
	uint64_t login_usec;	   /* SESSION_LOGIN_USEC, or less in tests */
	/* How the server is reached: dial_connect(), or a test's other end. */
	int (*connect)(const struct addrinfo *addresses, int watch_fd, uint64_t deadline,
	    char **ret_why);
	/* Contexts that are ready, borrowed; NULL for none: each session makes its own. */
	const struct tls_cache *tls_cache;
	/* Resume no TLS session: the certificate is to be looked at. */
	bool full_handshake;
	/* Ask nobody: a destination that lies elsewhere is none. */
	bool offline;
	/* What the walls lack here has been said for all sessions (confine.h). */
	bool lack_is_known;
	/* Called when a phase begins, with its name; NULL for none. */
	void (*on_phase)(const char *phase, void *userdata);
	void *userdata;
};

/* What has been given up; see confine.h. */
enum session_walls {
	SESSION_WALLS_NONE,
	SESSION_WALLS_LOGIN,
	SESSION_WALLS_RELAY,
};

struct session {
	const struct session_request *request; /* borrowed */
	struct service service; /* the request's, with what maildest.conf adds */
	bool has_title;		/* phases are shown as the process's title */
	uint64_t deadline;	/* of the login */
	const char *phase;	/* what we are doing; constant */
	char *why;		/* what went wrong; owned */
	struct config config;
	struct settings settings;
	struct destination destination;
	const struct protocol *protocol; /* a guess until the destination has been read */
	enum exchange_access access;	 /* by the destination */
	/* owned; NULL if a context of the request's serves */
	struct tls_context *own_tls;
	struct tls_context *tls; /* borrowed; NULL if TLS is never used */
	unsigned char tls_policy[DIGEST_SHA256_SIZE]; /* tls_policy_digest() */
	char tls_name[DIGEST_SHA256_HEX_SIZE]; /* tls_policy_context(); "" likewise */
	struct tls_keys keys;		       /* our certificate; empty for none */
	char *proxy_name; /* "the proxy 192.0.2.1:1080", owned; NULL without one */
	/* the server's, or the proxy's, of dial_pin() */
	const struct addrinfo *addresses;
	char *helper_path;
	char caller[ACCESS_CALLER_SIZE]; /* once session_name_caller() has been called */
	struct token_source tokens;
	struct secret token;
	enum session_walls walls;
	bool lack_is_known; /* what the walls lack has been said */
	bool warned;	    /* of insecure settings */
	char *host_name;    /* this host's */
	bool host_is_qualified;
	char *client_side_name; /* how we greet the client */
	char *server_side_name; /* how we greet the server */
	struct login login;	/* of the connection at hand */
	struct stream client;
	struct upstream upstream;
	struct record record;
};

/* Serves the connection on two descriptors (equal for a socket), which are closed at the end. */
void session_run(const struct session_request *request, int in_fd, int out_fd);

/*
 * The parts of it, for --check: configure reads the configuration, its settings (which
 * may be loaded ahead) and the destination; prepare asks the helper, resolves names,
 * loads trust anchors; connect is all that comes before the login, authenticate the
 * login, log_in both. All return 0 or -errno with phase and why set.
 */
void session_begin(struct session *s, const struct session_request *request);
_must_check_ int session_load_settings(struct session *s);
_must_check_ int session_configure(struct session *s);
_must_check_ int session_prepare(struct session *s);

/*
 * Close the walls: the first after session_prepare() and before a byte from outside is
 * looked at; the second once the server is logged in to, or nobody will be; again, it
 * does nothing. 0, or -errno with phase and why set: -EINVAL if the host lacks what
 * RequireSandbox= demands.
 */
_must_check_ int session_confine_login(struct session *s);
_must_check_ int session_confine_relay(struct session *s);
/* The same for a session that has failed: what is lacking changes nothing any more. */
void session_confine_end(struct session *s);

_must_check_ int session_connect(struct session *s);
_must_check_ int session_authenticate(struct session *s);
_must_check_ int session_log_in(struct session *s);
/* An exchange's `log_in` and `check_login`, its userdata being the session. */
int session_log_in_client(struct exchange *x, const struct secret *credential);
int session_check_client_login(
    struct exchange *x, const struct secret *user, const struct secret *password);
void session_done(struct session *s);
#define _cleanup_session_ _cleanup_(session_done)

/* What the service asks of clients, else what maildest.conf does. */
enum client_login session_client_login(const struct session *s);

/* Whether clients' own users and passwords are to be checked. */
bool session_checks_login(const struct session *s);

/* For the helper to count refused logins by: whose they are, or NULL where none is checked. */
const char *session_name_caller(struct session *s);

/* Makes sure that s->helper_path is known: 0, or -errno with phase and why set. */
_must_check_ int session_find_helper(struct session *s);

/* The protocol that a destination's or a protocol's name tells of, or NULL. */
const struct protocol *session_protocol_named(const char *name);

/* Before the destination is known, the port that was reached or the name may tell the protocol. */
const struct protocol *session_guess_protocol(int fd, const char *destination);

/* Hands to the helper what the server gave for later handshakes. */
void session_keep_tls_sessions(struct session *s);

/*
 * Why there was no second try: what the first token met, and why no other was had (NULL: there
 * is none). malloc'd, or NULL without memory.
 */
char *session_token_again(const char *refusal, const char *why);

/* Wipes whatever reached the server, or logged in there: nothing of it is needed again. */
void session_forget_secrets(struct session *s);

/* Says once that the destination's keys make this connection less than safe, if they do. */
void session_warn_if_insecure(struct session *s);

/* Says that a phase begins. */
void session_enter(struct session *s, const char *phase);
