/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two pumps and one poll. Each turn moves at most one buffer a direction, so that neither
 * starves the other; poll is asked only when nothing moves, as TLS keeps bytes that it
 * cannot see.
 */

#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "deadline.h"
#include "relay-pump.h"
#include "rest.h"

/* For the server to finish when nobody is left to hear it. */
#define DISCARD_USEC (30 * USEC_PER_SEC)
/* For a server that takes no more to say why. */
#define LAST_WORDS_USEC (2 * USEC_PER_SEC)

static bool turn(const struct relay *r, struct pump *in, struct pump *out)
{
	bool moved = false;

	moved |= pump_flush(out);
	moved |= pump_flush(in);
	moved |= pump_fill(out);
	moved |= pump_fill(in);
	if (moved) {
		in->moved_at = deadline_now();
		in->hold_until = deadline_in(r->settle_usec);
	}
	moved |= pump_pass_end(in);
	return moved;
}

/* The end, if there is one: an enum relay_end, or -1. */
static int find_end(const struct pump *in, const struct pump *out)
{
	if (out->read_error) /* after the client's end, some servers close without ceremony */
		return in->ended ? RELAY_UPSTREAM_ENDED : RELAY_UPSTREAM_RESET;
	if (out->ended && pump_is_empty(out))
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
 * an end, as it is behind a goodbye whose answer it does not read.
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
	if (in->read_error && (out->discard || unanswered_is_goodbye(in->unanswered))) {
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
		if (pump_is_empty(*pumps))
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

/* How long the server may say nothing after the client's end. */
static uint64_t drain_usec(const struct relay *r, const struct pump *in)
{
	bool told = !in->to->tls || tls_is_half_closable(in->to->tls);

	if (told || !unanswered_is_none(in->unanswered))
		return r->drain_usec;
	return MIN_OF(r->drain_usec, r->left_usec);
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
	if (in->ended && !in->passed && pump_is_held(in)) {
		*ret_end = RELAY_END_MAX;
		return in->hold_until;
	}
	*ret_end = in->ended ? RELAY_CLIENT_LEFT : RELAY_IDLE;
	if (in->ended && out->discard)
		return out->discard_until;
	return in->moved_at + (in->ended ? drain_usec(r, in) : r->idle_usec);
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
