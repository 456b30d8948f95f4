/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection's bytes: filled, cut into calls, handed to methods.c, flushed. Everything
 * happens in its one I/O handler; an answer that comes later is written there too,
 * because a waiter's callback only renders it and asks for the handler.
 */

#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "deadline.h"
#include "methods.h"
#include "report.h"
#include "varlink.h"

#define READ_SIZE ((size_t)4096)
#define CALLS_A_TURN_MAX 64
/* Unfinished messages of all sessions together. */
#define INPUT_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct session *session_free(struct session *s)
{
	if (!s)
		return NULL;
	cache_forget_waiter(&s->waiter);
	remote_forget_waiter(&s->remote_waiter);
	json_free(s->pending);
	sd_event_source_disable_unref(s->io);
	if (s->fd >= 0)
		(void)close(s->fd); /* what was sent is sent */
	s->host->input_bytes -= s->counted;
	secret_done(&s->in);
	secret_done(&s->out);
	binding_done(&s->binding);
	free(s->fault);
	free(s->client);
	free(s);
	return NULL;
}

static void session_freep(struct session **s)
{
	session_free(*s);
}

bool session_is_idle(const struct session *s)
{
	return !s->is_waiting && !s->pending && s->out.len == 0;
}

static size_t input_max(const struct session *s)
{
	return s->is_bound ? VARLINK_MESSAGE_MAX : SESSION_UNBOUND_MAX;
}

/* Nobody is left to answer. */
static void leave(struct session *s)
{
	s->is_gone = true;
	cache_forget_waiter(&s->waiter);
	remote_forget_waiter(&s->remote_waiter);
	s->pending = json_free(s->pending);
	s->is_waiting = false;
}

/* Reads what there is and the buffer may hold: 0 or -errno. */
static int fill(struct session *s)
{
	size_t room;
	ssize_t n;
	int r;

	while (!s->is_ended && s->in.len < input_max(s)) {
		room = MIN_OF(READ_SIZE, input_max(s) - s->in.len);
		r = secret_reserve(&s->in, room);
		if (r < 0)
			return r;
		n = recv(s->fd, s->in.data + s->in.len, room, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0) /* it left without reading all we sent */
			leave(s);
		s->is_ended = n <= 0;
		n = MAX_OF(n, 0);
		s->in.len += (size_t)n;
		s->in.data[s->in.len] = '\0';
		if ((size_t)n < room)
			break;
	}
	return 0;
}

/* Keeps the sum over all sessions; a peer that does not read must not fill our memory. */
static int count_input(struct session *s)
{
	s->host->input_bytes += s->in.len - s->counted;
	s->counted = s->in.len;
	return s->host->input_bytes > INPUT_BYTES_MAX ? -ENOBUFS : 0;
}

static void flush(struct session *s)
{
	ssize_t n;

	while (s->out.len > 0 && !s->is_gone) {
		n = send(s->fd, s->out.data, s->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			leave(s);
			/* or it would wait for ever if it is there and the system failed */
			(void)shutdown(s->fd, SHUT_RDWR);
			break;
		}
		secret_consume(&s->out, (size_t)n);
		s->deadline_usec = deadline_in(SESSION_BLOCKED_USEC);
	}
	secret_clear(&s->out);
}

/* Carries out the call that had to wait for its destination, if there is one. */
static int resume(struct session *s)
{
	_cleanup_json_ struct json *message = TAKE_PTR(s->pending);

	return message ? methods_call(s, &message) : 0;
}

/* Handles complete messages until one has to wait, replies pile up, or it is others' turn. */
static int process(struct session *s)
{
	int r;

	s->has_more = false;
	if (!s->is_waiting) {
		r = resume(s);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; !s->is_waiting; i++) {
		_cleanup_json_ struct json *message = NULL;

		s->has_more = s->in.len > 0;
		if (i == CALLS_A_TURN_MAX || s->out.len >= SESSION_OUTPUT_MAX)
			break;
		r = varlink_take(&s->in, &message);
		if (r < 0)
			return r;
		if (r == 0) {
			s->has_more = false;
			if (s->in.len >= input_max(s))
				return -EMSGSIZE;
			break;
		}
		r = methods_call(s, &message);
		if (r < 0)
			return r;
	}
	return count_input(s);
}

static uint32_t wanted_events(const struct session *s)
{
	uint32_t events = 0;

	if (!s->is_ended && s->in.len < input_max(s))
		events |= EPOLLIN;
	if (s->out.len > 0 || s->has_more)
		events |= EPOLLOUT;
	return events;
}

static void set_deadline(struct session *s)
{
	bool blocked = s->out.len > 0;

	if (blocked && s->deadline_usec == DEADLINE_NEVER)
		s->deadline_usec = deadline_in(SESSION_BLOCKED_USEC);
	else if (!blocked && s->is_bound)
		s->deadline_usec = DEADLINE_NEVER;
	if (!s->is_bound)
		s->deadline_usec = MIN_OF(s->deadline_usec, s->unbound_until_usec);
}

/*
 * 1 to go on, 0 if the connection has come to its end, -errno if it has to be cut. A peer
 * that says a last thing and leaves at once is heard to the end, turn by turn.
 */
static int step(struct session *s, uint32_t events)
{
	const uint32_t gone = EPOLLHUP | EPOLLERR; /* both directions */
	int r = 0;

	if (events & gone)
		leave(s);
	if (events & (EPOLLIN | gone))
		r = fill(s);
	if (r == 0)
		r = process(s);
	if (r < 0)
		return r;
	flush(s);
	if (s->is_ended && session_is_idle(s) && !s->has_more)
		return 0;
	set_deadline(s);
	return sd_event_source_set_io_events(s->io, wanted_events(s)) < 0 ? -ENOMEM : 1;
}

static const char *fault_text(int error)
{
	switch (error) {
	case -EBADMSG:
		return "it does not speak varlink";
	case -EMSGSIZE:
		return "its message is too long";
	case -ENOBUFS:
		return "all connections together hold too many unfinished messages";
	case -ENOMEM:
		return "out of memory";
	}
	return NULL; /* it just went away */
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct session *s = userdata;
	int r;

	(void)source;
	(void)fd;
	r = step(s, events);
	if (r > 0)
		return 0;
	if (fault_text(r))
		report_peer(s->uid, s->pid, fault_text(r));
	s->host->closed(s->host, s);
	return 0;
}

/* The rest happens in on_io(): we may be deep within another session's call. */
static void on_answer(struct cache_waiter *w, const struct cache_answer *answer)
{
	struct session *s = (void *)((char *)w - offsetof(struct session, waiter));

	s->is_waiting = false;
	if (methods_answer(s, answer) < 0)
		s->is_ended = true; /* no memory for the reply: end it */
	(void)sd_event_source_set_io_events(s->io, wanted_events(s) | EPOLLOUT);
}

/* The call is carried out in on_io(), likewise. */
static void on_ready(struct remote_waiter *w)
{
	struct session *s = (void *)((char *)w - offsetof(struct session, remote_waiter));

	s->is_waiting = false;
	(void)sd_event_source_set_io_events(s->io, wanted_events(s) | EPOLLOUT);
}

int session_new(sd_event *event, struct session_host *host, int fd, uid_t uid, pid_t pid,
    struct session **ret)
{
	_cleanup_close_ int owned = fd;
	_cleanup_(session_freep) struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->fd = TAKE_FD(owned);
	s->uid = uid;
	s->pid = pid;
	s->waiter.answer = on_answer;
	s->remote_waiter.ready = on_ready;
	s->deadline_usec = deadline_in(SESSION_UNBOUND_USEC);
	s->unbound_until_usec = deadline_in(SESSION_UNBOUND_WHOLE_USEC);
	r = sd_event_add_io(event, &s->io, s->fd, EPOLLIN, on_io, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}
