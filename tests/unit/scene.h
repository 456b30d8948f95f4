/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A session's two connections whose far ends the test holds: it says what server and
 * client say and looks at what they were told. All of it fits the sockets' buffers, so
 * nobody waits for the test, and what was said at once is read at once: a sequence of
 * packets splits a message exactly where the test wants it split.
 */

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "deadline.h"
#include "exchange.h"

/* The stream's reads take this much; a longer packet would lose its end. */
#define SCENE_PACKET_MAX ((size_t)4096)
/* Room for long lines, and for the kernel's overhead on packets of one byte. */
#define SCENE_BUFFER (8 * 1024 * 1024)

struct scene {
	struct upstream upstream;
	struct stream client;
	struct exchange x;
	int server_fd, client_fd; /* the test's ends; owned; -1 when closed */
};

static inline void scene_pair(int type, int fds[2])
{
	static const int room = SCENE_BUFFER;

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) <
		    0)
			ck_assert_int_eq(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room,
					     sizeof(room)),
			    0);
}

static inline void scene_begin(struct scene *s, const struct protocol *protocol)
{
	int server[2], client[2];

	*s = (struct scene){.upstream = UPSTREAM_INIT, .client = STREAM_INIT};
	scene_pair(SOCK_SEQPACKET, server);
	scene_pair(SOCK_SEQPACKET, client);
	ck_assert_int_eq(stream_init(&s->upstream.stream, server[0], server[0]), 0);
	ck_assert_int_eq(stream_init(&s->client, client[0], client[0]), 0);
	s->server_fd = server[1];
	s->client_fd = client[1];
	s->upstream.our_name = "client.example";
	s->upstream.login_deadline = deadline_in(20 * USEC_PER_SEC);
	s->upstream.reply_timeout_usec = 20 * USEC_PER_SEC;
	s->upstream.write_timeout_usec = 20 * USEC_PER_SEC;
	s->x = (struct exchange){
	    .client = &s->client,
	    .upstream = &s->upstream,
	    .protocol = protocol,
	    .our_name = "maildest.host.example",
	    .session = "0123456789ab",
	};
}

static inline void scene_done(struct scene *s)
{
	exchange_done(&s->x);
	upstream_done(&s->upstream);
	stream_done(&s->client);
	if (s->server_fd >= 0)
		close(s->server_fd);
	if (s->client_fd >= 0)
		close(s->client_fd);
}
#define _cleanup_scene_ _cleanup_(scene_done)

/* Says `n` bytes in pieces of at most `piece`, each of which takes a read of its own. */
static inline void scene_say(int fd, const char *bytes, size_t n, size_t piece)
{
	while (n > 0) {
		size_t now = MIN_OF(MIN_OF(n, piece), SCENE_PACKET_MAX);

		if (send(fd, bytes, now, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)now)
			ck_abort_msg("no room for %zu bytes: %s", n, strerror(errno));
		bytes += now;
		n -= now;
	}
}

static inline void scene_server_says(struct scene *s, const char *text)
{
	scene_say(s->server_fd, text, strlen(text), SCENE_PACKET_MAX);
}

static inline void scene_client_says(struct scene *s, const char *text)
{
	scene_say(s->client_fd, text, strlen(text), SCENE_PACKET_MAX);
}

/* They say no more and still listen. */
static inline void scene_server_ends(struct scene *s)
{
	ck_assert_int_eq(shutdown(s->server_fd, SHUT_WR), 0);
}

static inline void scene_client_ends(struct scene *s)
{
	ck_assert_int_eq(shutdown(s->client_fd, SHUT_WR), 0);
}

/* All that the server has to say, in two reads: its first `at` bytes, and the rest. */
static inline void scene_server_says_in_two(struct scene *s, const char *text, size_t at)
{
	scene_say(s->server_fd, text, at, SCENE_PACKET_MAX);
	scene_server_says(s, text + at);
	scene_server_ends(s);
}

/* Everything that has been told to a far end since it was last asked. */
static inline const char *scene_heard(int fd, struct secret *ret)
{
	static char packet[64 * 1024];
	ssize_t n;
	int r = 0;

	secret_clear(ret);
	while (r == 0 && (n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		r = secret_append(ret, packet, (size_t)n);
	ck_assert_int_eq(r, 0);
	return secret_str(ret);
}
