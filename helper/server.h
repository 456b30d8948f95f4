/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The listening side: who may connect, how many, and what the service manager is told. */

#include <systemd/sd-event.h>

#include "broker.h"
#include "macro.h"
#include "store.h"

/*
 * Connections at once: of all, where the limit on descriptors allows it (more wait in the
 * backlog), and of one user but root (more are refused). Each session that logs in has
 * one, so the handlers' user has as many as there may be sessions of all kinds: 4,096 of
 * the forking service and 1,024 of each other port, by default.
 */
#define SERVER_SESSIONS_MAX 8192
#define SERVER_SESSIONS_OF_USER_MAX 7168
/* How long calls under way may take to end once we are to stop. */
#define SERVER_DRAIN_USEC (5 * USEC_PER_SEC)
/* How long the answer to a client's credential is waited for then: it comes only once. */
#define SERVER_DRAIN_REDEEMING_USEC (30 * USEC_PER_SEC)

struct server;

/* The strings of `folders` are borrowed for the server's life. 0, or -errno of broker_new(). */
_must_check_ int server_new(
    sd_event *event, const struct broker_folders *folders, struct server **ret);
/* Closes every connection and listener; takes NULL; returns NULL. */
struct server *server_free(struct server *s);

/* Where an earlier helper's state goes, and the moment when all of it is there. */
struct store *server_store(const struct server *s);
void server_restore(struct server *s);

/* Accepts connections from a listening socket, which is taken over: 0 or -errno. */
_must_check_ int server_listen(struct server *s, int fd);

/* Tells the service manager, now or once it has room for that: 0 or -ENOMEM. */
_must_check_ int server_tell_ready(struct server *s);

/* Accepts no more, lets calls under way end for a while, then ends the event loop. 0 or -errno. */
_must_check_ int server_drain(struct server *s);
