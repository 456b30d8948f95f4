/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What server.c, which lives and ends, and server-accept.c, which lets in, share. */

#include "outbox.h"
#include "server.h"
#include "session.h"

#define SERVER_LISTENERS_MAX 16

struct server {
	struct session_host host; /* first: sessions know it alone */
	struct stats stats;
	sd_event *event;
	struct outbox *outbox;
	sd_event_source *listeners[SERVER_LISTENERS_MAX];
	unsigned n_listeners;
	sd_event_source *tick, *drain;
	sd_event_source *pause; /* after which all listeners are on again */
	struct session *first;
	unsigned sessions_max;
	uid_t handler_uid; /* of the user maildest; our own if there is none */
	uint64_t refusal_recorded_usec;
	uint64_t drain_until_usec;
	char *status; /* last told to the service manager */
};

/* Adds the timer of the pauses, to a server with an event loop: 0 or -errno. */
_must_check_ int server_add_pause(struct server *s);

/* Accepts no more, for good. */
void server_stop_accepting(struct server *s);
