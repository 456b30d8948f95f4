/* SPDX-License-Identifier: Apache-2.0 */
/* The client is told, and the journal, each once. */

#include "session-end.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backstop.h"
#include "deadline.h"
#include "secret-memory.h"

/* Later than the login's deadline, which should end the session in better words. */
#define BACKSTOP_GRACE_USEC (USEC_PER_SEC / 2)
/* For a client without access to say QUIT. */
#define DISMISS_USEC (5 * USEC_PER_SEC)
#define REFUSE_USEC (2 * USEC_PER_SEC)
/* After our last word: a reset would take it from the client, so what it still sends is read. */
#define LINGER_USEC USEC_PER_SEC
#define LINGER_MAX ((size_t)64 * 1024 * 1024)
/* For our words, when there is no memory any more. */
#define RESERVE_SIZE ((size_t)64 * 1024)

/* Reads away what the client still sends, so that our last reply is not lost to a reset. */
static void linger(struct stream *client)
{
	uint64_t deadline = deadline_in(LINGER_USEC);
	size_t n = 0;

	if (client->out_fd < 0 || shutdown(client->out_fd, SHUT_WR) < 0)
		return; /* no socket, or nobody there */
	client->watch_fd = -1;
	while (n < LINGER_MAX && deadline_poll_timeout(deadline) > 0 &&
	       stream_fill(client, deadline) > 0) {
		n += client->input.len;
		secret_clear(&client->input);
	}
}

void session_fail(struct session *s, int error)
{
	const struct refusal *refusal = refusal_find(error);
	_cleanup_secret_ struct secret reply = {0};

	backstop_disarm();
	session_confine_end(s);
	if (!refusal->silent &&
	    s->protocol->refuse(&reply, refusal, s->record.session) == 0 &&
	    stream_write(
		&s->client, secret_str(&reply), reply.len, deadline_in(REFUSE_USEC)) < 0)
		refusal = refusal_find(error); /* it is gone; the record is the same */
	record_failure(&s->record, refusal, s->phase, s->why ? s->why : strerror(-error));
	if (error == -EREMOTE && s->protocol->dismiss)
		s->protocol->dismiss(&s->client, deadline_in(DISMISS_USEC));
	linger(&s->client);
}

/*
 * What is kept for the moment at which OpenSSL gets no memory, which it does not survive
 * everywhere: room for the words, and whose session it is. A process serves one.
 */
static struct {
	struct session *session;
	void *room;  /* owned */
	bool relays; /* in the relay no word of ours may stand */
} reserve;

static void on_exhaustion(void)
{
	struct session *s = reserve.session;

	if (!s)
		return;
	reserve.session = NULL;
	free(reserve.room);
	free(s->why);
	s->why = NULL;
	if (reserve.relays)
		record_failure(
		    &s->record, refusal_find(-ENOMEM), s->phase, strerror(ENOMEM));
	else
		session_fail(s, -ENOMEM);
	_exit(0);
}

void session_reserve_take(struct session *s)
{
	reserve.room = malloc(RESERVE_SIZE); /* without it there may be fewer words */
	reserve.session = s;
	secret_memory_on_exhaustion(on_exhaustion);
}

void session_reserve_give_back(_unused_ struct session **s)
{
	reserve.session = NULL;
	free(reserve.room);
	reserve.room = NULL;
}

void session_reserve_for_relay(void)
{
	reserve.relays = true;
}

void session_last_words_done(struct session_last_words *w)
{
	backstop_disarm();
	secret_done(&w->reply);
	secret_done(&w->record);
}

int session_arm_backstop(struct session *s, struct session_last_words *w)
{
	const struct refusal *refusal = refusal_find(-ETIMEDOUT);
	uint64_t when = s->deadline + BACKSTOP_GRACE_USEC;
	int r;

	session_last_words_done(w);
	r = s->protocol->refuse(&w->reply, refusal, s->record.session);
	if (r == 0)
		r = record_prepare_failure(&s->record, refusal, s->phase,
		    "the host itself did not answer in time (name resolution?)", when,
		    &w->record);
	if (r < 0)
		return r;
	return backstop_arm(s->client.out_fd, &w->reply, &w->record, when);
}

/* What an end of the relay is to the journal: 0 if it is nobody's failure, or -errno. */
static int relay_failure(enum relay_end end)
{
	static const int failures[] = {
	    [RELAY_UPSTREAM_ENDED] = 0,
	    [RELAY_CLIENT_LEFT] = 0,
	    [RELAY_CLIENT_RESET] = -ECONNABORTED,
	    [RELAY_UPSTREAM_RESET] = -ECONNRESET,
	    [RELAY_UPSTREAM_BLOCKED] = -ETIMEDOUT,
	    [RELAY_IDLE] = -ETIME,
	};
	_Static_assert(ELEMENTSOF(failures) == RELAY_END_MAX, "a row for each end");

	return failures[end];
}

void session_end_relay(struct session *s, const struct relay *r, int end)
{
	const char *how = end < 0 ? strerror(-end) : relay_end_text((enum relay_end)end);
	int error = end < 0 ? end : relay_failure((enum relay_end)end);

	if (end == RELAY_UPSTREAM_ENDED && r->unanswered) {
		error = -ECONNRESET;
		how = "the server ended the session and left the client without an "
		      "answer";
	}
	if (error == 0)
		record_success(&s->record, how);
	else
		record_failure(&s->record, refusal_find(error), s->phase, how);
	linger(&s->client);
}

void session_end_without_login(struct session *s, const struct exchange *x)
{
	record_failure(&s->record, refusal_find(x->login_error),
	    "logging in for the client",
	    x->login_why ? x->login_why : strerror(-x->login_error));
	linger(&s->client);
}

void session_end_by_client(struct session *s)
{
	record_success(&s->record, "the client ended the session");
	linger(&s->client);
}
