/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two pumps and one poll. Each turn moves at most one buffer a direction, so that neither
 * starves the other; poll is asked only when nothing moves, as TLS keeps bytes that it
 * cannot see.
 */

#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "rest.h"
#include "unanswered.h"

/* For the server to finish when nobody is left to hear it. */
#define DISCARD_USEC (30 * USEC_PER_SEC)
/* For a server that takes no more to say why. */
#define LAST_WORDS_USEC (2 * USEC_PER_SEC)
/* Large mails want few turns; what a session does not use of it is never touched. */
#define BUFFER_SIZE ((size_t)256 * 1024)

/* One direction. */
struct pump {
	struct stream *from, *to;
	char *buffer; /* owned, BUFFER_SIZE; NULL until it is needed */
	size_t start, end;
	size_t used;		     /* the most that ever was in it */
	bool ended;		     /* `from` will send no more */
	bool passed;		     /* ... and `to` has been told, or cannot be */
	bool discard;		     /* nobody is left to take what comes */
	int read_error, write_error; /* -errno; final */
	short read_events, write_events;
	uint64_t discard_usec;	/* for the server to finish once nobody is left */
	uint64_t discard_until; /* 0 while somebody is */
	uint64_t moved_at;	/* when either pump last moved anything */
	uint64_t hold_until; /* before which the end is not passed on; 0: not known yet */
	uint64_t blocked_since; /* 0, or when a write was first refused */
	uint64_t *count;
	struct unanswered *unanswered; /* both directions' */
	bool asks;		       /* this is the client's */
};

static void pump_done(struct pump *p)
{
	if (p->buffer)
		explicit_bzero(p->buffer, p->used);
	free(p->buffer);
	p->buffer = NULL;
	p->used = 0;
}
#define _cleanup_pump_ _cleanup_(pump_done)

static bool is_empty(const struct pump *p)
{
	return p->start == p->end;
}

/* What was read before the relay began is the first to go. */
static ssize_t take_input(struct pump *p)
{
	struct secret *input = &p->from->input;
	size_t n = MIN_OF(input->len, BUFFER_SIZE);

	memcpy(p->buffer, input->data, n);
	secret_consume(input, n);
	return (ssize_t)n;
}

/* True if bytes, or the end, came in. */
static bool fill(struct pump *p)
{
	ssize_t n;

	p->read_events = 0;
	if (p->ended || p->read_error || !is_empty(p))
		return false;
	if (!p->buffer)
		p->buffer = malloc(BUFFER_SIZE);
	if (!p->buffer)
		n = -ENOMEM;
	else if (p->from->input.len > 0)
		n = take_input(p);
	else if (p->from->ended)
		n = 0;
	else
		n = stream_read_some(p->from, p->buffer, BUFFER_SIZE, &p->read_events);
	if (n == -EAGAIN)
		return false;
	p->read_events = 0;
	if (n < 0) {
		p->read_error = (int)n;
		return true;
	}
	if (n > 0 && !p->asks)
		unanswered_answer(p->unanswered);
	p->start = 0;
	p->end = (size_t)n;
	p->used = MAX_OF(p->used, p->end);
	p->ended = n == 0;
	return true;
}

/* Writes once: true if bytes went out. */
static bool write_some(struct pump *p)
{
	ssize_t n;

	n = stream_write_some(
	    p->to, p->buffer + p->start, p->end - p->start, &p->write_events);
	if (n == -EAGAIN) {
		if (p->blocked_since == 0)
			p->blocked_since = deadline_now();
		return false;
	}
	p->write_events = 0;
	p->blocked_since = 0;
	if (n < 0) {
		p->write_error = (int)n;
		return true;
	}
	if (p->asks)
		unanswered_ask(p->unanswered, p->buffer + p->start, (size_t)n);
	p->start += (size_t)n;
	*p->count += (uint64_t)n;
	return true;
}

/* Writes what is in the buffer, a TLS record at a time: true if bytes went out. */
static bool flush(struct pump *p)
{
	bool moved = false;

	p->write_events = 0;
	if (p->discard) {
		moved = !is_empty(p);
		if (moved && p->asks)
			unanswered_ask(
			    p->unanswered, p->buffer + p->start, p->end - p->start);
		p->start = p->end = 0;
	}
	while (!is_empty(p) && !p->write_error && write_some(p))
		moved = true;
	return moved;
}

/* Whether the end may be passed on now. Without TLS, or with 1.2, there is nothing to wait for. */
static bool is_held(const struct pump *p)
{
	return p->to->tls && tls_is_half_closable(p->to->tls) &&
	       deadline_now() < p->hold_until;
}

/* Tells `to` that `from` has ended, once everything before it is out. */
static bool pass_end(struct pump *p)
{
	if (!p->ended || p->passed || !is_empty(p) || is_held(p))
		return false;
	p->write_events = 0;
	if (!p->to->tls) {
		/* a pipe has no half to close; its end comes with ours */
		(void)shutdown(p->to->out_fd, SHUT_WR);
	} else if (tls_is_half_closable(p->to->tls) && tls_close(p->to->tls) == -EAGAIN) {
		p->write_events = tls_events(p->to->tls);
		return false;
	}
	p->passed = true;
	return true;
}

static bool turn(const struct relay *r, struct pump *in, struct pump *out)
{
	bool moved = false;

	moved |= flush(out);
	moved |= flush(in);
	moved |= fill(out);
	moved |= fill(in);
	if (moved) {
		in->moved_at = deadline_now();
		in->hold_until = deadline_in(r->settle_usec);
	}
	moved |= pass_end(in);
	return moved;
}

/* The end, if there is one: an enum relay_end, or -1. */
static int find_end(const struct pump *in, const struct pump *out)
{
	if (out->read_error) /* after the client's end, some servers close without ceremony */
		return in->ended ? RELAY_UPSTREAM_ENDED : RELAY_UPSTREAM_RESET;
	if (out->ended && is_empty(out))
		return RELAY_UPSTREAM_ENDED;
	if (in->read_error)
		return RELAY_CLIENT_RESET;
	return -1;
}

/* From now on nobody takes what comes; a server that goes on talking is not heard for ever. */
static void discard(struct pump *out)
{
	if (out->discard)
		return;
	(void)shutdown(out->to->out_fd, SHUT_WR); /* mostly it has left */
	out->discard = true;
	out->discard_until = deadline_in(out->discard_usec);
}

/*
 * A server that closes while we write has often said why; that is read to its end before
 * its failure to take more counts. A client that takes no more has left after it said all
 * it had to say, and the server still has to finish that; its reset is then no more than
 * an end.
 */
static void settle_errors(struct pump *in, struct pump *out)
{
	if (in->write_error && !in->discard) {
		in->write_error = 0;
		in->discard = true;
		in->passed = true;
	}
	if (out->write_error) {
		out->write_error = 0;
		discard(out);
	}
	if (in->read_error && out->discard) {
		in->read_error = 0;
		in->ended = true;
	}
}

static short wanted(const struct pump *reader, const struct pump *writer)
{
	return (short)(reader->read_events | writer->write_events);
}

/* Nobody says anything: an empty buffer can be had again. */
static void give_up_buffers(void *userdata)
{
	struct pump *const *pumps = userdata;

	for (; *pumps; pumps++)
		if (is_empty(*pumps))
			pump_done(*pumps);
}

/*
 * Waits until something can move: 0, -ETIMEDOUT, or another -errno. poll(2) reports a
 * hang-up unasked, over and over, so a descriptor that nothing is wanted of is left out;
 * but for the client's, once it has ended: there a hang-up says that it will not take the
 * answer either.
 */
static int await(struct pump *in, struct pump *out, uint64_t deadline)
{
	bool watch_client = in->ended && !out->discard;
	struct pollfd fds[] = {
	    {.fd = in->from->in_fd, .events = in->read_events},
	    {.fd = out->to->out_fd, .events = out->write_events},
	    {.fd = out->from->in_fd, .events = wanted(out, in)},
	};
	int r;

	if (fds[0].events == 0)
		fds[0].fd = -1;
	if (fds[1].events == 0 && !watch_client)
		fds[1].fd = -1;
	if (fds[2].events == 0)
		fds[2].fd = -1;
	r = rest_poll(fds, ELEMENTSOF(fds), deadline, give_up_buffers,
	    (struct pump *[]){in, out, NULL});
	if (r < 0)
		return r;
	if (watch_client && (fds[1].revents & (POLLHUP | POLLERR)))
		discard(out);
	return 0;
}

/*
 * How long nothing may move, and what end that is; RELAY_END_MAX is none: the client's
 * own end, which has been held back, is due.
 */
static uint64_t patience(const struct relay *r, const struct pump *in,
    const struct pump *out, enum relay_end *ret_end)
{
	if (in->discard) {
		*ret_end = RELAY_UPSTREAM_RESET;
		return in->moved_at + LAST_WORDS_USEC;
	}
	if (in->blocked_since) {
		*ret_end = RELAY_UPSTREAM_BLOCKED;
		return in->blocked_since + r->write_timeout_usec;
	}
	if (in->ended && !in->passed && is_held(in)) {
		*ret_end = RELAY_END_MAX;
		return in->hold_until;
	}
	*ret_end = in->ended ? RELAY_CLIENT_LEFT : RELAY_IDLE;
	if (in->ended && out->discard)
		return out->discard_until;
	return in->moved_at + (in->ended ? r->drain_usec : r->idle_usec);
}

/* The server's own end is answered, as RFC 8446 6.1 and RFC 5246 7.2.1 ask for. */
static void say_goodbye(struct pump *in)
{
	if (in->to->tls && tls_close(in->to->tls) < 0)
		return; /* it is gone already */
}

int relay_run(struct relay *r)
{
	_cleanup_(unanswered_answer) struct unanswered unanswered = {0};
	_cleanup_pump_ struct pump in = {.from = r->client,
	    .to = r->upstream,
	    .count = &r->bytes_in,
	    .unanswered = &unanswered,
	    .asks = true};
	_cleanup_pump_ struct pump out = {.from = r->upstream,
	    .to = r->client,
	    .count = &r->bytes_out,
	    .unanswered = &unanswered};
	enum relay_end timeout;
	uint64_t deadline;
	int end, error;

	in.moved_at = deadline_now();
	out.discard_usec = MIN_OF(r->drain_usec, DISCARD_USEC);
	for (;;) {
		bool moved = turn(r, &in, &out);

		settle_errors(&in, &out);
		end = find_end(&in, &out);
		if (end >= 0) {
			r->unanswered = !in.ended && unanswered_is(&unanswered);
			say_goodbye(&in);
			return end;
		}
		if (out.discard && deadline_poll_timeout(out.discard_until) == 0)
			return RELAY_CLIENT_LEFT;
		if (moved)
			continue;
		deadline = patience(r, &in, &out, &timeout);
		error = await(&in, &out, deadline);
		if (error == 0 && deadline_poll_timeout(deadline) == 0 &&
		    !turn(r, &in, &out))
			error = -ETIMEDOUT; /* woken by what moved nothing */
		if (error == -ETIMEDOUT && timeout == RELAY_END_MAX)
			continue;
		if (error == -ETIMEDOUT)
			return (int)timeout;
		if (error < 0)
			return error;
	}
}

const char *relay_end_text(enum relay_end end)
{
	static const char *const texts[] = {
	    [RELAY_UPSTREAM_ENDED] = "the server ended the session",
	    [RELAY_CLIENT_LEFT] =
		"the client ended the session and the server did not follow",
	    [RELAY_CLIENT_RESET] = "the client broke the connection",
	    [RELAY_UPSTREAM_RESET] = "the server broke the connection",
	    [RELAY_UPSTREAM_BLOCKED] = "the server takes no more data",
	    [RELAY_IDLE] = "neither side said anything for too long",
	};
	_Static_assert(ELEMENTSOF(texts) == RELAY_END_MAX, "a text for each end");

	return texts[end];
}
