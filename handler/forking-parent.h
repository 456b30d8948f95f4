/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the parts of forking mode share; for forking*.c alone. */

#include <stdint.h>

#include "children.h"
#include "forking.h"
#include "service-file.h"
#include "tls-cache.h"

struct listener {
	int fd;		  /* owned */
	const char *name; /* the one it came with; borrowed */
	char *place;	  /* where it listens, if services come from a file; owned */
	const struct service *service; /* NULL: the file has none for it */
	const struct protocol *protocol;
	struct tls_cached *tls; /* in the parent's cache; NULL if it has none ready */
	size_t sessions;	/* that run */
	uint64_t looked_at;	/* when forking_look_at() last read its destination */
	unsigned doomed;	/* have waited long enough, and are to be told so */
};

/* Why nobody is accepted at the moment. */
enum hold {
	HOLD_NONE,
	HOLD_FULL,  /* all sessions there may be: until one ends, or patience does */
	HOLD_SHORT, /* of descriptors or processes: for a moment */
};

struct parent {
	const struct forking_options *options;
	struct session_request request; /* for the sessions, but for the service */
	struct service *own;	  /* the listeners', without a file of services; owned */
	struct service_file file; /* with one */
	struct listener *listeners; /* owned */
	unsigned n_listeners;
	unsigned n_lost; /* of these, whose sockets accept nothing any more */
	struct children children;
	struct tls_cache tls;
	int epoll;     /* the next two, and the pidfds of left-over sessions; owned */
	int listening; /* an epoll of the listeners; owned */
	int signals;   /* a signalfd; owned */
	int reserve;   /* to be closed where no other descriptor is left; owned */
	enum hold hold;
	uint64_t hold_until;
	bool is_refusing;	/* those who have waited too long, some at a time */
	uint64_t waiting_since; /* somebody has been, without a break; 0: nobody is */
	uint64_t served;	/* the listener that was last accepted from */
	/* When the manager is told; DEADLINE_NEVER for not. */
	uint64_t ready_at, watchdog_at, status_at;
	void (*on_hangup)(int); /* what SIGHUP did before */
	unsigned stops;		/* signals that asked for the end */
};

/* What logs call it. */
const char *forking_name(const struct listener *l);

/*
 * Whether its service may have another session. Of the last ones that there may be at once
 * each service gets no more than are left then, so that none keeps the others out.
 */
bool forking_has_share(const struct parent *p, const struct listener *l);

/* Finds each listener's service: 0 or -errno. */
_must_check_ int forking_open_services(struct parent *p);
/* Finds them anew if their file has changed; else next to nothing. */
void forking_refresh_services(struct parent *p);

/* Reads what a service's destination says of trust and protocol, unless that was just done. */
void forking_look_at(struct parent *p, struct listener *s);

/* Accepts from the sockets that are ready, and holds when no more can be. */
void forking_accept(struct parent *p);

/* In epoll_event.data, behind all descriptors: the left-over session of this number. */
#define FORKING_LEFT_OVER (UINT64_C(1) << 32)

/*
 * Gets all that a parent needs, the sockets' descriptors among it, which are taken over:
 * 0, or -errno with *ret_step: what could not be done, in words.
 */
_must_check_ int forking_open(
    struct parent *p, struct listen_fds *sockets, const char **ret_step);

/* Has an epoll report, with `data`, when a descriptor can be read from. 0 or -errno. */
_must_check_ int forking_watch(int epoll, int fd, uint64_t data);

/*
 * Tells a connection, which is taken over, why it is not served, and the journal too;
 * `error` is the -errno of a refusal.
 */
void forking_refuse(const struct listener *s, int fd, int error, const char *why);

/* Marks those who wait now; who comes meanwhile may wait as long as they did. */
void forking_doom_waiting(struct parent *p);
/* Refuses some of those: true if there are more. */
_must_check_ bool forking_refuse_doomed(struct parent *p, const char *why);

/* Opens the reserve, unless it is open. */
void forking_keep_reserve(struct parent *p);

/* What `hold` was waiting for has come, or its time has. */
void forking_release(struct parent *p);
void forking_hold_is_over(struct parent *p);

/*
 * SIG_BLOCK or SIG_UNBLOCK the signal by which the service manager's watchdog ends a process
 * (WatchdogSec= in systemd.service(5)): after a pause it may bite before we have said a word.
 * New processes leave it blocked until forking_leave_parent().
 */
void forking_mask_watchdog(int how);

/* Closes, in a new process, what is the parent's alone. */
void forking_leave_parent(struct parent *p);
