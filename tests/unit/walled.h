/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A process behind walls, as a handler's, which then tries one thing. What it has open are
 * what a session has: a connection, the journal's socket, and a listener elsewhere to reach.
 */

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dial-pin.h"
#include "macro.h"

/* Outcomes of an attempt beside 0 (it succeeded) and -errno. */
#define WALLED_KILLED(number) (1000 + (number))
#define WALLED_DEAD WALLED_KILLED(SIGSYS)
/* The walls did not close. */
#define WALLED_OPEN 2000

/* What an attempt may use. */
struct walled {
	pid_t parent;		      /* of the process behind walls */
	int peer, other;	      /* the two ends of a connected stream */
	int journal, journal_reader;  /* a connected datagram socket, and where it ends */
	struct sockaddr_un elsewhere; /* another datagram socket, which somebody reads */
	int elsewhere_reader;
	struct sockaddr_un abstract; /* a listening one, in the abstract namespace */
	int abstract_listener;
	struct sockaddr_in server, stranger; /* two listening TCP sockets */
	const struct addrinfo *pinned;	     /* the server's address, of dial_pin() */
	int server_listener, stranger_listener;
	char folder[32];  /* to be removed */
	char anchor[64];  /* a file in folder/anchors */
	char private[64]; /* a file in folder */
};

static inline int walled_bind(int type, struct sockaddr_un *address, const char *path)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*address);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path)
		(void)snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	else
		len = sizeof(address->sun_family); /* the kernel finds an abstract name */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, len), 0);
	return fd;
}

static inline int walled_listen(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*address);

	*address = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

static inline void walled_write(const char *path)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs("what only some may read\n", f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static inline void walled_folder(struct walled *w, char anchors[64])
{
	(void)snprintf(w->folder, sizeof(w->folder), "/tmp/walled-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->folder));
	(void)snprintf(anchors, 64, "%s/anchors", w->folder);
	ck_assert_int_eq(mkdir(anchors, 0700), 0);
	(void)snprintf(w->anchor, sizeof(w->anchor), "%s/anchors/1a2b3c4d.0", w->folder);
	(void)snprintf(w->private, sizeof(w->private), "%s/smtp.json", w->folder);
	walled_write(w->anchor);
	walled_write(w->private);
}

static inline void walled_pin(struct walled *w)
{
	const struct addrinfo server = {
	    .ai_family = AF_INET,
	    .ai_socktype = SOCK_STREAM,
	    .ai_addrlen = sizeof(w->server),
	    .ai_addr = (struct sockaddr *)&w->server,
	};

	ck_assert_int_eq(dial_pin(&server, &w->pinned), 0);
}

static inline void walled_make(struct walled *w)
{
	struct sockaddr_un journal;
	char anchors[64], path[64];
	socklen_t len = sizeof(w->abstract);
	int pair[2];

	w->parent = getpid();
	walled_folder(w, anchors);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	w->peer = pair[0];
	w->other = pair[1];
	(void)snprintf(path, sizeof(path), "%s/journal", w->folder);
	w->journal_reader = walled_bind(SOCK_DGRAM, &journal, path);
	(void)snprintf(path, sizeof(path), "%s/elsewhere", w->folder);
	w->elsewhere_reader = walled_bind(SOCK_DGRAM, &w->elsewhere, path);
	w->abstract_listener = walled_bind(SOCK_STREAM, &w->abstract, NULL);
	ck_assert_int_eq(
	    getsockname(w->abstract_listener, (struct sockaddr *)&w->abstract, &len), 0);
	ck_assert_int_eq(listen(w->abstract_listener, 8), 0);
	w->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    connect(w->journal, (struct sockaddr *)&journal, sizeof(journal)), 0);
	w->server_listener = walled_listen(&w->server);
	w->stranger_listener = walled_listen(&w->stranger);
	walled_pin(w);
}

static inline void walled_done(struct walled *w)
{
	static const char *const files[] = {
	    "anchors/1a2b3c4d.0", "anchors", "smtp.json", "journal", "elsewhere", ""};
	const int fds[] = {w->peer, w->other, w->journal, w->journal_reader,
	    w->elsewhere_reader, w->abstract_listener, w->server_listener,
	    w->stranger_listener};
	char path[96];

	dial_unpin(&w->pinned);
	for (size_t i = 0; i < ELEMENTSOF(fds); i++)
		(void)close(fds[i]); /* a test's own */
	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", w->folder, files[i]);
		ck_assert_msg(remove(path) == 0, "%s is not to be removed: %s", path,
		    strerror(errno));
	}
}

/*
 * What comes of `attempt` in a process that `close_walls` has succeeded in: what it
 * returns, 0 or -errno, or WALLED_KILLED.
 */
static inline int walled_try(struct walled *w, int (*close_walls)(struct walled *w),
    int (*attempt)(struct walled *w))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(close_walls(w) == 0 ? -attempt(w) : UINT8_MAX);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WALLED_KILLED(WTERMSIG(status));
	return WEXITSTATUS(status) == UINT8_MAX ? WALLED_OPEN : -WEXITSTATUS(status);
}
