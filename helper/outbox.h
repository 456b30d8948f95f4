/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the service manager is told (sd_notify(3)), by a thread that must not wait: while
 * the manager's queue is full, what has to reach it stays here, in its order, and is sent
 * soon. It is also told in time that we are alive, if it wants to know ($WATCHDOG_USEC).
 */

#include <systemd/sd-event.h>

#include "deadline.h"

/* How long the end may be put off in all, for what still has to go. */
#define OUTBOX_INSIST_USEC (1 * USEC_PER_SEC)

struct outbox;

/* 0 or -errno. */
_must_check_ int outbox_new(sd_event *event, struct outbox **ret);
/* Sends what it can of what is left; takes NULL; returns NULL. */
struct outbox *outbox_free(struct outbox *o);

/* Sends NAME=value lines, now or as soon as possible: 0 or -ENOMEM. */
_must_check_ int outbox_post(struct outbox *o, const char *text);

/*
 * The same, with `fd` unless it is -1, now or not at all: 0; -EAGAIN if the manager is
 * busy or what was posted before has not gone either; another -errno of notify_send().
 */
_must_check_ int outbox_send(struct outbox *o, const char *text, int fd);

/* To be called at the end: from now on, all together wait so long for the manager. */
void outbox_insist(struct outbox *o);
