/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One connection: varlink calls in, replies out, in order. At most one call waits for a
 * token; calls behind it stay in the buffer until it is answered.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "broker.h"
#include "flood.h"
#include "remote.h"
#include "tls-sessions.h"

/* A caller that has not opened its session may send this much, and wait this long. */
#define SESSION_UNBOUND_MAX ((size_t)16 * 1024)
#define SESSION_UNBOUND_USEC (30 * USEC_PER_SEC)
/* In all, however much it asks that needs no session. */
#define SESSION_UNBOUND_WHOLE_USEC (120 * USEC_PER_SEC)
/* Replies that nobody reads: no further call is looked at, and how long that may last. */
#define SESSION_OUTPUT_MAX ((size_t)64 * 1024)
#define SESSION_BLOCKED_USEC (30 * USEC_PER_SEC)

struct session;

/* What sessions share; borrowed. */
struct session_host {
	struct broker *broker;
	struct stats *stats;
	struct tls_sessions *tls_sessions;
	struct flood *logins; /* refused ones, by service and client */
	size_t input_bytes;   /* held by all sessions together */
	size_t sessions_max;  /* that one user may have, as far as there is room */
	void (*closed)(
	    struct session_host *host, struct session *s); /* which then goes away */
};

struct session {
	struct session *previous, *next; /* the server's list */
	struct session_host *host;
	int fd;
	uid_t uid; /* of the peer, by SO_PEERCRED */
	pid_t pid;
	sd_event_source *io;
	struct secret in, out;
	size_t counted; /* our part of host->input_bytes */
	struct binding binding;
	bool is_bound;
	char *client; /* whose login may be asked about, NULL if not said; owned */
	char *fault;  /* why the binding cannot be complete, or NULL; owned */
	struct cache_waiter waiter;	    /* queued while a call waits */
	struct remote_waiter remote_waiter; /* the same, for a destination */
	bool is_waiting;
	struct json *pending; /* the call that is to be carried out then; owned */
	bool wants_proxy;     /* what waits is GetConnectivityProxy */
	bool is_oneway;	      /* the call in hand wants no reply */
	bool has_more;	      /* the buffer may hold another call to handle now */
	bool is_ended;	      /* the peer sends no more */
	bool is_gone; /* the peer reads no more; what it sent before still counts */
	/* CLOCK_MONOTONIC: closed then, unless there is progress */
	uint64_t deadline_usec;
	uint64_t unbound_until_usec; /* the end of that for one that is not bound */
};

/* Takes over `fd`, a connected stream socket that does not block. 0 or -errno. */
_must_check_ int session_new(sd_event *event, struct session_host *host, int fd,
    uid_t uid, pid_t pid, struct session **ret);
/* Closes, leaves the waiters, wipes; takes NULL; returns NULL. Not in any list. */
struct session *session_free(struct session *s);

/* Whether nothing is on its way: no call waits, no reply is unsent. */
bool session_is_idle(const struct session *s);
