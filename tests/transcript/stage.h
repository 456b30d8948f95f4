/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Everything a session finds when it begins: a configuration folder, trust anchors, a
 * client, a mail server to connect to; and the session itself, in a process of its own.
 *
 * Settings of a script:
 *
 *   protocol: smtp                smtp (default), smtps, imap4, imap4s, pop3, pop3s
 *   authentication: token         client credentials instead of a password; "refresh" and
 *                                 "code": the client's refresh token or code; "none": no login
 *   destination: KEY=VALUE        a key of the destination; "-KEY" leaves one out
 *   setting: KEY=VALUE            a line of maildest.conf
 *   file: PATH CONTENT            a file of the configuration, written last
 *   transport: tcp                loopback TCP instead of Unix sockets
 *   login-time: 300               milliseconds that the whole login may take
 *
 * Keys under mail.<protocol>. may be written with "mail.<p>.".
 */

#include <stdint.h>
#include <sys/types.h>

#include "certificates.h"
#include "peer.h"
#include "script.h"

#define STAGE_CONNECTIONS_MAX 8

/* What an attempt to connect to the mail server leads to. */
struct connection {
	int error;   /* -errno, or 0 */
	int session; /* the session's end; owned until it starts */
	int server;  /* our end; owned until it is taken */
};

struct stage {
	const struct script *script;
	char *folder; /* owned; removed at the end */
	struct certificates *certificates;
	int client, session_client; /* the client's connection: our end, the session's */
	struct connection connections[STAGE_CONNECTIONS_MAX];
	size_t n;
	int output;  /* the session's standard error, a file */
	int control; /* a byte for each attempt to connect; ends with the session */
	pid_t pid;   /* 0 while it has not begun */
	char *user, *password, *host, *port; /* of the destination; owned */
};
#define STAGE_INIT                                                              \
	{                                                                       \
		.client = -1, .session_client = -1, .output = -1, .control = -1 \
	}

/* Prepares everything: 0 or -errno after saying why. */
_must_check_ int stage_prepare(struct stage *s, const struct script *script);

/* A path in the configuration folder; malloc'd, NULL without memory. */
char *stage_path(const struct stage *s, const char *name);

/* Starts the session; `client` is our end of the client's connection, which its process
 * must not keep. 0 or -errno. */
_must_check_ int stage_start(struct stage *s, int client);

/* Waits for the session's end, killing it if it is `late`: its status, as wait(2). */
int stage_wait(struct stage *s, bool late);

/* Ends and removes what is left. */
void stage_done(struct stage *s);
#define _cleanup_stage_ _cleanup_(stage_done)
