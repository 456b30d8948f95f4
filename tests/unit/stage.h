/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A relay between two peers, both of which are the test's. */

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "deadline.h"
#include "peer.h"
#include "relay.h"
#include "scene.h"

#define STAGE_LONG (20 * USEC_PER_SEC)
#define STAGE_SHORT (20 * USEC_PER_MSEC)

struct stage {
	struct stream client, upstream;
	struct relay relay;
	int client_fd, server_fd; /* the peers' ends; owned; -1 when closed */
};

static inline void stage_begin_with(struct stage *s, int client[2], int server[2])
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(stream_init(&s->client, client[0], client[0]), 0);
	ck_assert_int_eq(stream_init(&s->upstream, server[0], server[0]), 0);
	s->client_fd = client[1];
	s->server_fd = server[1];
	s->relay = (struct relay){
	    .client = &s->client,
	    .upstream = &s->upstream,
	    .idle_usec = STAGE_LONG,
	    .drain_usec = STAGE_LONG,
	    .write_timeout_usec = STAGE_LONG,
	};
}

static inline void stage_begin(struct stage *s)
{
	int client[2], server[2];

	peer_unix_pair(client);
	peer_unix_pair(server);
	stage_begin_with(s, client, server);
}

static inline void stage_begin_tcp(struct stage *s)
{
	int client[2], server[2];

	peer_tcp_pair(client);
	peer_tcp_pair(server);
	stage_begin_with(s, client, server);
}

static inline void stage_leave(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void stage_done(struct stage *s)
{
	stream_done(&s->client);
	stream_done(&s->upstream);
	stage_leave(&s->client_fd);
	stage_leave(&s->server_fd);
}
#define _cleanup_stage_ _cleanup_(stage_done)

static inline void stage_say(int fd, const char *text)
{
	scene_say(fd, text, strlen(text), SCENE_PACKET_MAX);
}

static inline void stage_finish(int fd)
{
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
}

/* What a peer has been told: the text, and whether it has been told that no more comes. */
static inline void stage_check_heard(int fd, const char *text, bool ended)
{
	_cleanup_secret_ struct secret heard = {0};
	char byte;

	ck_assert_str_eq(scene_heard(fd, &heard), text);
	errno = 0;
	ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), ended ? 0 : -1);
	ck_assert(ended || errno == EAGAIN);
}

/* A client on two pipes; *ret_out is what it would read. */
static inline void stage_begin_pipes(struct stage *s, int *ret_out)
{
	int in[2], out[2];

	stage_begin(s);
	stream_done(&s->client);
	stage_leave(&s->client_fd);
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	ck_assert_int_eq(stream_init(&s->client, in[0], out[1]), 0);
	s->client_fd = in[1];
	*ret_out = out[0];
}
