/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of poll(2) and the clocks; everything else of the sockets is real. */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define BLOCK_SIZE ((size_t)64 * 1024)
#define START_SEC 100000
#define NSEC_PER_SEC 1000000000
#define NSEC_PER_MSEC 1000000
/* More waits than that for nothing, or in all, and it goes round in circles. */
#define LAPSES_MAX 1000
#define WAITS_MAX 20000
#define REPEATED_MAX ((size_t)256 * 1024)

struct world world;

static struct {
	bool is_on;
	struct fuzz_input script;
	unsigned endings; /* how far the end has come */
	int64_t now_nsec;
	unsigned lapses, waits;
	size_t repeated;
} stage;

/* The linker's names for the session's calls and the real ones. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_setitimer(int which, const struct itimerval *timer, struct itimerval *ret_old);

void world_begin(struct fuzz_input script)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as the handler does */
	memset(&world, 0, sizeof(world));
	for (int i = 0; i < WORLD_SIDES; i++)
		world.peers[i].fd = -1;
	memset(&stage, 0, sizeof(stage));
	stage.script = script;
	stage.now_nsec = (int64_t)START_SEC * NSEC_PER_SEC;
	stage.is_on = true;
}

void world_end(void)
{
	stage.is_on = false;
	for (int i = 0; i < WORLD_SIDES; i++) {
		struct world_peer *p = &world.peers[i];

		macro_close(&p->fd);
		secret_done(&p->unsent);
		secret_done(&p->said);
		secret_done(&p->heard);
	}
}

int world_connect(enum world_side side)
{
	struct world_peer *p = &world.peers[side];
	int fds[2];

	fuzz_check(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0,
	    "no descriptor is left");
	macro_close(&p->fd);
	secret_clear(&p->unsent);
	p->is_deaf = p->has_ended = false;
	p->connections++;
	p->fd = fds[0];
	return fds[1];
}

void world_close(enum world_side side)
{
	macro_close(&world.peers[side].fd);
	secret_clear(&world.peers[side].unsent);
}

static void flush(struct world_peer *p)
{
	ssize_t n;

	while (p->fd >= 0 && p->unsent.len > 0) {
		n = send(p->fd, p->unsent.data, p->unsent.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			secret_clear(&p->unsent); /* there is nobody */
		else
			secret_consume(&p->unsent, (size_t)n);
	}
	if (p->fd >= 0 && p->has_ended)
		(void)shutdown(p->fd, SHUT_WR); /* again, or with nobody there */
}

void world_say(enum world_side side, const char *bytes, size_t n)
{
	struct world_peer *p = &world.peers[side];

	if (p->fd < 0 || p->has_ended)
		return;
	fuzz_check(secret_append(&p->unsent, bytes, n) == 0 &&
		       secret_append(&p->said, bytes, n) == 0,
	    "no memory");
	flush(p);
}

static void listen_to(struct world_peer *p)
{
	static char block[BLOCK_SIZE];
	ssize_t n;

	while (
	    p->fd >= 0 && !p->is_deaf && (n = recv(p->fd, block, sizeof(block), 0)) > 0)
		fuzz_check(secret_append(&p->heard, block, (size_t)n) == 0, "no memory");
}

void world_listen(void)
{
	for (int i = 0; i < WORLD_SIDES; i++) {
		struct world_peer *p = &world.peers[i];
		size_t before = p->heard.len;

		flush(p);
		listen_to(p);
		if (i == WORLD_HELPER && world.on_helper && p->heard.len > before)
			world.on_helper(&world);
	}
}

uint64_t world_elapsed(void)
{
	return (uint64_t)(stage.now_nsec / 1000) - (uint64_t)START_SEC * 1000000;
}

static void end(enum world_side side)
{
	struct world_peer *p = &world.peers[side];

	p->has_ended = true;
	flush(p);
}

static char unescape(char c)
{
	return (char)(c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c);
}

/* Appends what a text of the script stands for. */
static void expand(struct fuzz_input text, struct secret *ret)
{
	fuzz_check(secret_reserve(ret, text.n) == 0, "no memory");
	for (size_t i = 0; i < text.n; i++) {
		bool escaped = text.bytes[i] == '\\' && i + 1 < text.n;

		ret->data[ret->len++] =
		    escaped ? unescape(text.bytes[++i]) : text.bytes[i];
	}
	ret->data[ret->len] = '\0';
}

static void say_text(
    enum world_side side, struct fuzz_input text, const char *behind, size_t behind_len)
{
	_cleanup_secret_ struct secret said = {0};

	expand(text, &said);
	fuzz_check(secret_append(&said, behind, behind_len) == 0, "no memory");
	world_say(side, said.data, said.len);
}

/* Long texts of few kinds of characters; together they are no longer than REPEATED_MAX. */
static void repeat_text(enum world_side side, struct fuzz_input text)
{
	size_t times = (size_t)1 << 2 * fuzz_choose(&text, 10);
	_cleanup_secret_ struct secret once = {0}, said = {0};

	expand(text, &once);
	times =
	    MIN_OF(times, (REPEATED_MAX - stage.repeated) / MAX_OF(once.len, (size_t)1));
	stage.repeated += times * once.len;
	for (size_t i = 0; i < times; i++)
		fuzz_check(secret_append(&said, once.data, once.len) == 0, "no memory");
	world_say(side, secret_str(&said), said.len);
}

/* One line of the script: whether somebody may have something to do for it. */
static bool play_line(struct fuzz_input line)
{
	char what = line.n > 0 ? *fuzz_take_bytes(&line, 1).bytes : '#';

	switch (what) {
	case 'S':
	case 'C':
		say_text(what == 'S' ? WORLD_SERVER : WORLD_CLIENT, line, "\r\n", 2);
		return true;
	case 's':
	case 'c':
		say_text(what == 's' ? WORLD_SERVER : WORLD_CLIENT, line, "", 0);
		return true;
	case 'H':
	case 'h':
		say_text(WORLD_HELPER, line, "", what == 'H');
		return true;
	case 'P':
	case 'p':
		repeat_text(what == 'P' ? WORLD_SERVER : WORLD_CLIENT, line);
		return true;
	case 'X':
	case 'x':
		end(what == 'X' ? WORLD_SERVER : WORLD_CLIENT);
		return true;
	case 'K':
	case 'k':
		world_close(what == 'K' ? WORLD_SERVER : WORLD_CLIENT);
		return true;
	case 'R':
		world.peers[WORLD_SERVER].is_deaf ^= true;
		return true;
	case 'r':
		world.peers[WORLD_CLIENT].is_deaf ^= true;
		return true;
	}
	return what != 'T';
}

/* What comes after the script: false once there is nobody left. */
static bool play_end(void)
{
	for (int i = 0; i < WORLD_SIDES; i++) {
		if (stage.endings == 0)
			end((enum world_side)i);
		else
			world_close((enum world_side)i);
	}
	return stage.endings++ < 2;
}

static bool play(void)
{
	return stage.script.n > 0 ? play_line(fuzz_take_line(&stage.script)) : play_end();
}

/* Nobody says anything. */
static int lapse(int timeout)
{
	fuzz_check(timeout >= 0, "somebody waits for ever");
	fuzz_check(stage.lapses++ < LAPSES_MAX, "somebody gives up waiting for ever");
	stage.now_nsec += (int64_t)timeout * NSEC_PER_MSEC;
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int r;

	if (!stage.is_on || timeout == 0)
		return __real_poll(fds, n, timeout);
	fuzz_check(stage.waits++ < WAITS_MAX, "it goes round in circles");
	for (;;) {
		world_listen();
		r = __real_poll(fds, n, 0);
		if (r != 0)
			return r;
		if (!play())
			return lapse(timeout);
	}
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (!stage.is_on)
		return __real_clock_gettime(clock, ret);
	ret->tv_sec = (time_t)(stage.now_nsec / NSEC_PER_SEC);
	ret->tv_nsec = (long)(stage.now_nsec % NSEC_PER_SEC);
	return 0;
}

int __wrap_setitimer(int which, const struct itimerval *timer, struct itimerval *ret_old)
{
	(void)which; /* real time is of no meaning here */
	(void)timer;
	(void)ret_old;
	return 0;
}
