/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the parts of forking mode share; for forking*.c alone. */

#include <stdint.h>

#include "children.h"
#include "forking.h"
#include "tls-cache.h"

struct service {
	int fd;		  /* listens; owned by the list it came in */
	const char *name; /* of the destination; borrowed likewise */
	const struct protocol *protocol;
	struct tls_cached *tls; /* in the parent's cache; NULL if it has none ready */
	uint64_t looked_at;	/* when forking_look_at() last read its destination */
};

/* Why nobody is accepted at the moment. */
enum hold {
	HOLD_NONE,
	HOLD_FULL,  /* all sessions there may be: until one ends, or patience does */
	HOLD_SHORT, /* of descriptors or processes: for a moment */
};

struct parent {
	const struct forking_options *options;
	struct session_request request; /* for the sessions, destination left out */
	struct service *services;	/* owned */
	unsigned n_services;
	struct children children;
	struct tls_cache tls;
	int epoll;     /* the next two, and the pidfds of left-over sessions; owned */
	int listening; /* an epoll of the services' sockets; owned */
	int signals;   /* a signalfd; owned */
	int reserve;   /* to be closed where no other descriptor is left; owned */
	enum hold hold;
	uint64_t hold_until;
	uint64_t watchdog_at, status_at; /* when the manager is told; or DEADLINE_NEVER */
	unsigned stops;			 /* signals that asked for the end */
};

/* Reads what a service's destination says of trust and protocol, unless that was just done. */
void forking_look_at(struct parent *p, struct service *s);

/* Accepts from the sockets that are ready, and holds when no more can be. */
void forking_accept(struct parent *p);

/* Has an epoll report, with `data`, when a descriptor can be read from. 0 or -errno. */
_must_check_ int forking_watch(int epoll, int fd, uint64_t data);

/* Opens the reserve, unless it is open. */
void forking_keep_reserve(struct parent *p);

/* What `hold` was waiting for has come, or its time has. */
void forking_release(struct parent *p);
void forking_hold_is_over(struct parent *p);

/* Closes, in a new process, what is the parent's alone. */
void forking_leave_parent(struct parent *p);
